import { readFileSync } from 'node:fs'
import { findProgram } from './programs.ts'

/** Who we are on this machine, and how we come to be root over some ids. */
export interface Machine {
  /** The store keeps what was unpacked apart by this: other ids, other owners. */
  readonly flavour: string
  /** Whether we are root already, in whatever user namespace. */
  readonly root: boolean
  /** Whether overlays have to keep their marks in `user.` attributes: we are not root of the whole machine. */
  readonly userxattr: boolean
  /** The beginning of a command line that runs as root with these further namespaces; where that takes processes, they end with the one that waits for them. */
  enter(namespaces: readonly string[]): string[]
}

const capSysAdmin = 21n

/** What this process is allowed to do, without trying it. */
export function thisMachine(): Machine {
  const uid = process.geteuid?.() ?? 0
  const root = uid === 0
  const unshare = findProgram('unshare') ?? 'unshare'
  const inUserNamespace = !/^\s*0\s+0\s+4294967295/.test(read('/proc/self/uid_map'))
  return {
    flavour: root ? 'root' : `user-${uid}`,
    root,
    userxattr: !root || inUserNamespace,
    enter: (namespaces) => {
      if (root) return namespaces.length === 0 ? [] : [...guard(), unshare, ...namespaces, '--']
      // Killed while others map its ids, unshare would leave a process that waits for it for ever: the guard comes after that.
      const stillThere = ['sh', '-c', '[ "$PPID" = "$0" ] && exec "$@"', String(process.pid)]
      return [unshare, '--user', '--map-auto', '--map-root-user', ...namespaces, '--', ...guard(), ...stillThere]
    },
  }
}

/** The beginning of a command line that is killed when whoever started it ends. */
export function guard(): string[] {
  return [findProgram('setpriv') ?? 'setpriv', '--pdeathsig', 'KILL', '--']
}

/** Whether this process has the capability in force. */
export function hasCapability(bit: bigint = capSysAdmin): boolean {
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
