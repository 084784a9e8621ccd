import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, makeFolderOfMode, privately } from './folders.ts'
import type { Owners } from './owners.ts'
import { nameOf } from './process.ts'
import { replaceFile } from './replace-file.ts'

/**
 * A folder of files and folders that belong to running processes. Their names begin with their process, so that what a dead one
 * left behind can be told from what a living one is writing.
 */
export class ProcessFiles {
  readonly folder: string
  readonly owners: Owners

  constructor(folder: string, owners: Owners) {
    this.folder = folder
    this.owners = owners
  }

  /** A path for a new file of this process. The folder exists afterwards. */
  reserve(): string {
    this.owners.announce()
    makeFolder(this.folder, privately)
    return join(this.folder, `${nameOf(this.owners.self)}-${randomBytes(6).toString('hex')}`)
  }

  /** A new folder of this process, in which `parts` are made too. */
  make(parts: readonly string[] = []): string {
    const path = this.reserve()
    makeFolderOfMode(path, privately)
    // What images see of them does not depend on the umask.
    for (const part of parts) makeFolderOfMode(join(path, part), 0o755)
    return path
  }

  /** Makes `path` a file of this text, in place of what was there, in one go; where that fails, nothing is left over. With `sync` it outlives a power cut. */
  place(text: string, path: string, { sync = false }: { readonly sync?: boolean } = {}): void {
    replaceFile(path, text, { by: this.reserve(), mode: 0o600, sync })
  }

  /** Removes what dead processes left. */
  sweep(): void {
    const left = this.leftovers()
    this.owners.sweep()
    for (const path of left) rmSync(path, { recursive: true, force: true })
  }

  /** What dead processes left. */
  leftovers(): string[] {
    return this.list().flatMap(({ path, alive }) => (alive ? [] : [path]))
  }

  /** What belongs to living processes, with the time of each, in milliseconds since 1970. */
  living(): readonly { readonly path: string; readonly since: number; readonly born: number }[] {
    return this.list().filter(({ alive }) => alive)
  }

  private list(): { path: string; since: number; born: number; alive: boolean }[] {
    let names: string[]
    try {
      names = readdirSync(this.folder)
    } catch {
      return []
    }
    return names.flatMap((name) => {
      const path = join(this.folder, name)
      const stat = statSync(path, { throwIfNoEntry: false })
      if (stat === undefined) return []
      const alive = this.owners.isAlive(name, stat.mtimeMs)
      return [{ path, since: stat.mtimeMs, born: stat.birthtimeMs, alive }]
    })
  }
}
