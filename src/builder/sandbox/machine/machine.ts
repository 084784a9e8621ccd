import { HeldNamespace } from './held-namespace.ts'
import { hasCapability, read } from './process-facts.ts'
import { findProgram } from './programs.ts'
import { hasOneId, hindrancesToMapping } from './users.ts'

/** Our privileges on this machine, and how to become root over a range of IDs. */
export interface Machine {
  /** Separates unpacked layers in the store by how they were unpacked: other IDs have other owners and markers. */
  readonly owner: string
  /** Whether we are root already, in any user namespace. */
  readonly root: boolean
  /** Whether steps that mount need a user namespace: we are not root, or a root that may not mount. */
  readonly nested: boolean
  /** Whether root is the only owner in that namespace. */
  readonly oneId: boolean
  /** Whether overlays must store their markers in `user.` attributes: we are not root of the whole machine. */
  readonly userxattr: boolean
  /**
   * Whether parts of /proc are covered, as in containers: a user namespace then cannot mount a new one. (kernel,
   * mount_too_revealing)
   */
  readonly procIsCovered: boolean
  /**
   * Returns the start of a command line that runs as root with these additional namespaces. If that takes several processes, they
   * end together with the one waiting for them.
   */
  enter(namespaces: readonly string[]): string[]
  /** Creates what `enter` needs, if anything, once for all. */
  hold(): Promise<void>
  /** The namespace that `enter` enters; undefined before `hold`, and if there is none. */
  readonly held: HeldNamespace | undefined
  letGo(): void
}

/** Returns what this process is allowed to do, without trying it. */
export function thisMachine(): Machine {
  const uid = process.geteuid?.() ?? 0
  const root = uid === 0 && !hasOneId()
  const inUserNamespace = !/^\s*0\s+0\s+4294967295/.test(read('/proc/self/uid_map'))
  const mayMount = root && hasCapability()
  const oneId = !root && !mayMapUsers()
  let held: HeldNamespace | undefined
  const machine: Machine = {
    owner: mayMount ? 'root' : root ? 'root-nested' : `user-${uid}${oneId ? '-alone' : ''}`,
    root,
    nested: !mayMount,
    oneId,
    userxattr: !mayMount || inUserNamespace,
    procIsCovered: (!mayMount || inUserNamespace) && /^(?:\S+ ){4}\/proc\//m.test(read('/proc/self/mountinfo')),
    enter: (namespaces) => {
      if (root && namespaces.length === 0) return []
      if (mayMount) return [...guard(), unshare(), ...namespaces, '--']
      // If its parent is killed while others map its IDs, unshare would wait for ever: so the guard comes after that.
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
 * Root with its current IDs in a new user namespace. A helper process writes the maps when the namespace exists, which its
 * capabilities permit; unshare(1) would need newuidmap. This process keeps its capabilities meanwhile, because with no_new_privs
 * it could never get them back. The shell that waits in the namespace must have started before it is mapped: one that sees its
 * real and its effective user change from nobody to root in between takes itself for a set-user-ID program, and becomes nobody.
 * So it says by its name that it waits. (dash(1), -p; proc(5), comm)
 */
export function nestingRoot(namespaces: readonly string[]): string[] {
  const maps = (['uid_map', 'gid_map'] as const).map((name) =>
    read(`/proc/self/${name}`)
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .map(([inside, , count]) => `${inside} ${inside} ${count}\n`)
      .join(''),
  )
  // A busy machine may take long to get there; so after a while each attempt waits, for half a minute in all.
  const again = 'n=$((n + 1)); [ $n -lt 1000 ] || sleep 0.01; [ $n -lt 4000 ]'
  const script = [
    'u=$1 g=$2; shift 2',
    `{ n=0; until read -r name < /proc/$$/comm && [ "$name" = ${waiting} ]; do ${again} && [ -e /proc/$$/comm ] || exit; done`,
    'printf %s "$u" > /proc/$$/uid_map; printf %s "$g" > /proc/$$/gid_map; } 2>/dev/null &',
    'exec "$@"',
  ].join('\n')
  const mapped = [
    `printf ${waiting} > /proc/self/comm`,
    `n=0; until read -r _ < /proc/self/gid_map; do ${again} || { echo "no ids can be mapped" >&2; exit 1; }; done`,
    'exec "$@"',
  ].join('\n')
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

/** At most 15 characters. */
const waiting = 'waits-for-ids'

/** Whether newuidmap and newgidmap would map more than the user's own ID. */
function mayMapUsers(): boolean {
  return hindrancesToMapping().length === 0
}

/** Returns the start of a command line that is killed when its parent ends. */
export function guard(): string[] {
  return [findProgram('setpriv') ?? 'setpriv', '--pdeathsig', 'KILL', '--']
}
