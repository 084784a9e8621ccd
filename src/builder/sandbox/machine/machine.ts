import { HeldNamespace } from './held-namespace.ts'
import { hasCapability, read } from './process-facts.ts'
import { findProgram } from './programs.ts'
import { hindrancesToMapping } from './users.ts'

/** Who we are on this machine, and how we come to be root over some ids. */
export interface Machine {
  /** The store keeps what was unpacked apart by this: other ids, other owners, other marks. */
  readonly flavour: string
  /** Whether we are root already, in whatever user namespace. */
  readonly root: boolean
  /** Whether steps that mount are in a user namespace of ours: we are not root, or a root who may not mount. */
  readonly nested: boolean
  /** Whether in that namespace there is no owner but root. */
  readonly oneId: boolean
  /** Whether overlays have to keep their marks in `user.` attributes: we are not root of the whole machine. */
  readonly userxattr: boolean
  /** Whether something covers parts of /proc, as container engines do: then a user namespace gets no new one. (kernel, mount_too_revealing) */
  readonly procIsCovered: boolean
  /** The beginning of a command line that runs as root with these further namespaces; where that takes processes, they end with the one that waits for them. */
  enter(namespaces: readonly string[]): string[]
  /** Makes what `enter` needs once for all, where it needs anything. */
  hold(): Promise<void>
  /** The namespace that `enter` leads into; undefined before `hold`, and where there is none. */
  readonly held: HeldNamespace | undefined
  letGo(): void
}

/** What this process is allowed to do, without trying it. */
export function thisMachine(): Machine {
  const uid = process.geteuid?.() ?? 0
  const root = uid === 0
  const inUserNamespace = !/^\s*0\s+0\s+4294967295/.test(read('/proc/self/uid_map'))
  const mayMount = root && hasCapability()
  const oneId = !root && !mayMapUsers()
  let held: HeldNamespace | undefined
  const machine: Machine = {
    flavour: mayMount ? 'root' : root ? 'root-nested' : `user-${uid}${oneId ? '-alone' : ''}`,
    root,
    nested: !mayMount,
    oneId,
    userxattr: !mayMount || inUserNamespace,
    procIsCovered: (!mayMount || inUserNamespace) && /^(?:\S+ ){4}\/proc\//m.test(read('/proc/self/mountinfo')),
    enter: (namespaces) => {
      if (root && namespaces.length === 0) return []
      if (mayMount) return [...guard(), unshare(), ...namespaces, '--']
      // Killed while others map its ids, unshare would leave a process that waits for it for ever: the guard comes after that.
      const stillThere = ['sh', '-c', '[ "$PPID" = "$0" ] && exec "$@"', String(process.pid)]
      if (held !== undefined)
        return [
          ...[findProgram('nsenter') ?? 'nsenter', `--user=${held.path}`, '--preserve-credentials', '--'],
          ...(namespaces.length === 0 ? [] : [unshare(), ...namespaces, '--']),
          ...[...guard(), ...stillThere],
        ]
      if (root) return [...nestingRoot(namespaces), ...guard(), ...stillThere]
      const map = oneId ? ['--map-root-user'] : ['--map-auto', '--map-root-user']
      return [unshare(), '--user', ...map, ...namespaces, '--', ...guard(), ...stillThere]
    },
    hold: async () => {
      if (!mayMount) held ??= await HeldNamespace.by(machine.enter(['--mount']))
    },
    get held() {
      return held
    },
    letGo: () => {
      held?.close()
      held = undefined
    },
  }
  return machine
}

function unshare(): string {
  return findProgram('unshare') ?? 'unshare'
}

/**
 * Root with the ids that it has, in a user namespace of its own: a process beside writes the maps, which it may for its
 * capabilities, as soon as the namespace is there; unshare(1) would ask newuidmap for that. It
 * keeps its capabilities meanwhile: with no_new_privs it would never come by them again.
 */
function nestingRoot(namespaces: readonly string[]): string[] {
  const maps = (['uid_map', 'gid_map'] as const).map((name) =>
    read(`/proc/self/${name}`)
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .map(([inside, , count]) => `${inside} ${inside} ${count}\n`)
      .join(''),
  )
  // Until there is a new namespace the maps cannot be written, since the present one has its own.
  const script = [
    'u=$1 g=$2; shift 2',
    '{ n=0; until printf %s "$u" > /proc/$$/uid_map; do n=$((n + 1)); [ $n -lt 100000 ] || exit; done',
    'printf %s "$g" > /proc/$$/gid_map; } 2>/dev/null &',
    'exec "$@"',
  ].join('\n')
  const mapped =
    'n=0; until read -r _ < /proc/self/gid_map; do n=$((n + 1)); [ $n -lt 100000 ] || { echo "no ids can be mapped" >&2; exit 1; }; done; exec "$@"'
  return [
    'sh',
    '-c',
    script,
    'sh',
    ...maps,
    unshare(),
    '--user',
    '--keep-caps',
    ...namespaces,
    '--',
    'sh',
    '-c',
    mapped,
    'sh',
  ]
}

/** Whether newuidmap and newgidmap would map more than the user's own id. */
function mayMapUsers(): boolean {
  return hindrancesToMapping().length === 0
}

/** The beginning of a command line that is killed when whoever started it ends. */
export function guard(): string[] {
  return [findProgram('setpriv') ?? 'setpriv', '--pdeathsig', 'KILL', '--']
}
