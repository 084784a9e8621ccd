import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRoot, program } from './cli.ts'

/** Somebody for whom RUN can be tried, and by which sandbox. */
export interface Way {
  readonly name: string
  /** undefined: whoever runs the tests. */
  readonly user: number | undefined
  readonly env: Readonly<Record<string, string>>
}

/** Every way that works on this machine; says which are left out. As root also those of a user who has subordinate ids. */
export function waysToRun(): readonly Way[] {
  const who: { name: string; user: number | undefined }[] = [{ name: isRoot ? 'root' : 'this user', user: undefined }]
  const other = isRoot ? userWithSubordinateIds() : undefined
  if (other !== undefined) who.push({ name: 'an ordinary user', user: other })
  else if (isRoot) console.warn('skipped: RUN without root, because no user here has entries in /etc/subuid')
  return who.flatMap(({ name, user }) => {
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
      }))
    })
  })
}

function workingSandboxes(user: number | undefined): ReadonlySet<string> {
  const home = mkdtempSync(join(tmpdir(), 'tare-doctor-'))
  chmodSync(home, 0o777)
  const { stdout } = spawnSync(process.execPath, [program, 'doctor', '--json'], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: tmpdir(), TARE_HOME: home },
    ...(user === undefined ? {} : { uid: user, gid: user }),
  })
  rmSync(home, { recursive: true, force: true })
  const { sandboxes } = JSON.parse(stdout) as { sandboxes: { isolation: string; works: boolean }[] }
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

/** A command on a terminal of its own: `[python3, …]` to put in front of it. It reads what `input` types, and what it shows is told. */
export function onTerminal(): readonly string[] {
  return ['python3', '-c', 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))']
}

/** Files below the folder that have the bytes in them. */
export function filesWith(folder: string, text: string): readonly string[] {
  try {
    return execFileSync('grep', ['-rlaF', '--', text, folder], { encoding: 'utf8' }).trim().split('\n')
  } catch {
    return []
  }
}
