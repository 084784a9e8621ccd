/** Variables of the process whose proxies, certificates and configuration count. */
export type Environment = Readonly<Record<string, string | undefined>>
