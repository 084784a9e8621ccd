import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { read } from './process-facts.ts'
import { plainEnvironment } from './programs.ts'

/** A user namespace created once and entered by many processes. An open descriptor keeps it alive without a process in it. */
export class HeldNamespace {
  private readonly fd: number
  /** IDs mapped in it, as `[first, count]`. */
  readonly ids: Readonly<Record<'uid' | 'gid', Ranges>>

  private constructor(pid: number) {
    this.fd = openSync(`/proc/${pid}/ns/user`, 'r')
    this.ids = { uid: idsIn(`/proc/${pid}/uid_map`), gid: idsIn(`/proc/${pid}/gid_map`) }
  }

  /** Creates it with a command line that runs what follows in a new namespace; returns undefined on failure. */
  static async by(enter: readonly string[]): Promise<HeldNamespace | undefined> {
    const [program = '', ...rest] = [...enter, 'sh', '-c', 'echo; read -r _']
    const child = spawn(program, rest, { env: plainEnvironment, stdio: ['pipe', 'pipe', 'ignore'] })
    child.stdin.on('error', () => {})
    try {
      const ended = once(child, 'close')
      ended.catch(() => {})
      const said = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)])
      return said ? new HeldNamespace(child.pid!) : undefined
    } catch {
      return undefined
    } finally {
      child.kill('SIGKILL')
    }
  }

  /** Its path for nsenter(1). */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.fd}`
  }

  has(kind: 'uid' | 'gid', id: number): boolean {
    return isAmong(this.ids[kind], id)
  }

  close(): void {
    closeSync(this.fd)
  }
}

type Ranges = readonly (readonly [first: number, count: number])[]

function isAmong(ranges: Ranges, id: number): boolean {
  return ranges.some(([first, count]) => id >= first && id < first + count)
}

/** Whether this process can give files to that owner, as far as its own namespace goes. */
export function isMappedHere({ uid, gid }: { readonly uid: number; readonly gid: number }): boolean {
  here ??= { uid: idsIn('/proc/self/uid_map'), gid: idsIn('/proc/self/gid_map') }
  return isAmong(here.uid, uid) && isAmong(here.gid, gid)
}

let here: Readonly<Record<'uid' | 'gid', Ranges>> | undefined

/** (user_namespaces(7), "User and group ID mappings") */
function idsIn(path: string): [number, number][] {
  return read(path)
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .reduce<[number, number][]>((ranges, [first = 0, , count = 0]) => {
      const last = ranges.at(-1)
      if (last !== undefined && last[0] + last[1] === first) last[1] += count
      else ranges.push([first, count])
      return ranges
    }, [])
}
