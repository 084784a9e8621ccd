import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRoot, type Outcome, program, type Running } from './cli.ts'
import { madeOnce } from './made-once.ts'

/** Somebody for whom RUN can be tried, and by which sandbox. */
export interface Way {
  readonly name: string
  /** undefined: whoever runs the tests. */
  readonly user: number | undefined
  readonly env: Readonly<Record<string, string>>
  /** Put in front of the command. */
  readonly wrapper?: readonly string[] | undefined
  /** Nothing can be mounted: the machine’s files cannot be shown, and there is no further network. */
  readonly bare: boolean
}

/** Every way that works on this machine; says which are left out. As root also those of a user who has subordinate ids. */
export function waysToRun(): readonly Way[] {
  const who: { name: string; user: number | undefined }[] = [{ name: isRoot ? 'root' : 'this user', user: undefined }]
  const other = isRoot ? userWithSubordinateIds() : undefined
  if (other !== undefined) who.push({ name: 'an ordinary user', user: other })
  else if (isRoot) console.warn('skipped: RUN without root, because no user here has entries in /etc/subuid')
  const ways = who.flatMap(({ name, user }) => {
    const working = workingSandboxes(user)
    return (['oci', 'namespace', 'chroot'] as const).flatMap((isolation): Way[] => {
      if (!working.has(isolation)) {
        console.warn(`skipped: RUN by ${isolation} as ${name}, which does not work here (tare doctor)`)
        return []
      }
      const runtimes = isolation === 'oci' ? ['crun', 'runc'].filter(isThere) : ['']
      return runtimes.map((runtime) => ({
        name: `${name}, ${runtime === '' ? isolation : runtime}`,
        user,
        env: { TARE_ISOLATION: isolation, TARE_RUNTIME: runtime },
        bare: isolation === 'chroot',
      }))
    })
  })
  const wrapper = isRoot ? likeAContainer() : undefined
  if (wrapper === undefined) return ways
  return [...ways, { name: 'root, by the rules of a container', user: undefined, env: {}, wrapper, bare: true }]
}

// unshare, mount, umount2, setns, pivot_root; move_mount, fsopen, fsmount and open_tree have the same numbers everywhere.
const denied = { x64: [272, 165, 166, 308, 155], arm64: [97, 40, 39, 268, 41] }

/** A command in front of another, which keeps it from mounting and from namespaces as container engines do: by a seccomp filter. */
function likeAContainer(): readonly string[] | undefined {
  const numbers = denied[process.arch as keyof typeof denied]
  const script = `
import ctypes, os, struct, sys
deny = ${JSON.stringify([...(numbers ?? []), 428, 429, 430, 432])}
program = [(0x20, 0, 0, 0)] + [(0x15, len(deny) - i, 0, n) for i, n in enumerate(deny)] + [(6, 0, 0, 0x7fff0000), (6, 0, 0, 0x50001)]
class Filter(ctypes.Structure): _fields_ = [('length', ctypes.c_ushort), ('program', ctypes.c_void_p)]
lines = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *line) for line in program))
libc = ctypes.CDLL(None)
if libc.prctl(22, 2, ctypes.byref(Filter(len(program), ctypes.addressof(lines))), 0, 0) != 0: sys.exit('no seccomp')
os.execvp(sys.argv[1], sys.argv[1:])
`
  const wrapper = ['python3', '-c', script]
  if (numbers !== undefined && spawnSync('python3', ['-c', script, 'true']).status === 0) return wrapper
  console.warn('skipped: RUN by the rules of a container, because a seccomp filter cannot be set here')
  return undefined
}

function workingSandboxes(user: number | undefined): ReadonlySet<string> {
  // The doctor tries each of them, which takes its time.
  const folder = madeOnce(`doctor-${user}`, (folder) => {
    const home = join(folder, 'home')
    mkdirSync(home)
    for (const path of [folder, home]) chmodSync(path, 0o777)
    const { stdout } = spawnSync(process.execPath, [program, 'doctor', '--json'], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: tmpdir(), TARE_HOME: home },
      ...(user === undefined ? {} : { uid: user, gid: user }),
    })
    writeFileSync(join(folder, 'report.json'), stdout)
  })
  const { sandboxes } = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as {
    sandboxes: { isolation: string; works: boolean }[]
  }
  return new Set(sandboxes.filter(({ works }) => works).map(({ isolation }) => isolation))
}

function isThere(runtime: string): boolean {
  return spawnSync(runtime, ['--version'], { stdio: 'ignore' }).status === 0
}

/** One whose group has the same number, so that no more is needed to be them. */
function userWithSubordinateIds(): number | undefined {
  const names = readLines('/etc/subuid').map((line) => line.split(':')[0])
  for (const line of readLines('/etc/passwd')) {
    const [name, , uid, gid] = line.split(':')
    if (names.includes(name) && uid === gid && uid !== '0') return Number(uid)
  }
  return undefined
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trim().split('\n')
  } catch {
    return []
  }
}

/**
 * A command on a terminal of its own: `[python3, …]` to put in front of it. It reads what `input` types, and what it shows is told.
 * With `grows`, the terminal is another size once it shows that.
 */
export function onTerminal(grows = ''): readonly string[] {
  const script = `
import fcntl, os, pty, struct, sys, termios
def read(fd):
    data = os.read(fd, 4096)
    if ${JSON.stringify(grows)} and ${JSON.stringify(grows)}.encode() in data: fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 101, 0, 0))
    return data
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], read)))
`
  return ['python3', '-c', script]
}

/** The same, with a terminal that is closed once it shows the text; its exit code is then 0 if the command ends by the hangup. */
export function onClosingTerminal(shown: string): readonly string[] {
  const script = `
import os, pty, signal, sys
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
seen = b''
while ${JSON.stringify(shown)}.encode() not in seen: seen += os.read(fd, 4096)
os.close(fd)
sys.exit(0 if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGHUP else 1)
`
  return ['python3', '-c', script]
}

/** What is typed on a terminal, each once the screen has shown what is before it, after what was typed last. */
export function dialogue(...turns: readonly (readonly [shown: string, typed: string])[]): {
  readonly input: AsyncIterable<Uint8Array>
  watch(running: Running): Promise<Outcome>
} {
  let screen = ''
  let more = () => {}
  async function* type(): AsyncGenerator<Uint8Array> {
    let from = 0
    for (const [shown, typed] of turns) {
      while (screen.indexOf(shown, from) < 0)
        await new Promise<void>((resolve) => {
          more = resolve
        })
      from = screen.indexOf(shown, from) + shown.length
      yield Buffer.from(typed)
    }
  }
  const watch = ({ child, outcome }: Running) => {
    child.stdout!.on('data', (chunk: Buffer) => {
      screen += chunk.toString()
      more()
    })
    return outcome
  }
  return { input: type(), watch }
}

/** Files below the folder that have the bytes in them. */
export function filesWith(folder: string, text: string): readonly string[] {
  try {
    return execFileSync('grep', ['-rlaF', '--', text, folder], { encoding: 'utf8' }).trim().split('\n')
  } catch {
    return []
  }
}
