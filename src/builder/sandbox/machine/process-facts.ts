import { readFileSync } from 'node:fs'

/** (linux/capability.h) */
export const capabilityBits = {
  CHOWN: 0n,
  DAC_OVERRIDE: 1n,
  FOWNER: 3n,
  SETGID: 6n,
  SETUID: 7n,
  SYS_CHROOT: 18n,
  SYS_ADMIN: 21n,
  SETFCAP: 31n,
} as const

/** Returns which of the capabilities this process lacks, spelled as container engines do. */
export function lackingCapabilities(...names: readonly (keyof typeof capabilityBits)[]): string[] {
  return names.filter((name) => !hasCapability(capabilityBits[name]))
}

/** Whether this process has the effective capability. */
export function hasCapability(bit: bigint = capabilityBits.SYS_ADMIN): boolean {
  const match = /^CapEff:\s*([0-9a-f]+)/m.exec(read('/proc/self/status'))
  return match !== null && ((BigInt(`0x${match[1]}`) >> bit) & 1n) === 1n
}

export function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
