/** Environment variables that configure proxies, certificates and registries. */
export type Environment = Readonly<Record<string, string | undefined>>
