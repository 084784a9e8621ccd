import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

let count = 0

/**
 * Folders that belong to one running process: what a killed one left can be told by its name, `<pid>-<start time>-<n>`,
 * since a process id alone may have been given to another.
 */
export class WorkFolders {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** A new folder, in which `parts` are made too. */
  make(parts: readonly string[] = []): string {
    const path = join(this.folder, `${nameOfProcess()}-${++count}`)
    mkdirSync(path, { recursive: true, mode: 0o711 })
    for (const part of parts) mkdirSync(join(path, part), { mode: 0o755 })
    return path
  }

  /** What dead processes left. */
  leftovers(): string[] {
    try {
      return readdirSync(this.folder)
        .filter((name) => !isLiving(name))
        .map((name) => join(this.folder, name))
    } catch {
      return []
    }
  }
}

/** `<pid>-<start time>`. */
export function nameOfProcess(): string {
  return `${process.pid}-${startOf(process.pid) ?? 0}`
}

/** Whether the process that the name begins with is there. */
export function isLiving(name: string): boolean {
  const [pid, start] = name.split('-')
  return startOf(Number(pid)) === Number(start)
}

/** When the process began, in ticks since the machine did; undefined where there is none. (proc_pid_stat(5), field 22) */
function startOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19])
  } catch {
    return undefined
  }
}
