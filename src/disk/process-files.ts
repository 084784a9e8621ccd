import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { listFolder, makeFolder, makeFolderOfMode, privately } from './folders.ts'
import type { Owners } from './owners.ts'
import { nameOf } from './process.ts'
import { randomDigits } from './random-digits.ts'
import { replaceFile } from './replace-file.ts'

/**
 * A folder for files and directories of running processes. Their names begin with the name of their process, so that leftovers of dead processes can
 * be told from files still being written.
 */
export class ProcessFiles {
  readonly folder: string
  readonly owners: Owners

  constructor(folder: string, owners: Owners) {
    this.folder = folder
    this.owners = owners
  }

  /** Returns a path for a new file of this process. The folder exists afterwards. */
  reserve(): string {
    this.owners.stayAnnounced()
    makeFolder(this.folder, privately)
    return join(this.folder, `${nameOf(this.owners.self)}-${randomDigits()}`)
  }

  /** Creates a new directory of this process, with subdirectories `parts`. */
  make(parts: readonly string[] = []): string {
    const path = this.reserve()
    makeFolderOfMode(path, privately)
    // Images see these modes, so they must not depend on the umask.
    for (const part of parts) makeFolderOfMode(join(path, part), 0o755)
    return path
  }

  /** Atomically replaces `path` with a file containing `text`; leaves nothing behind on failure. With `sync`, the file survives a power failure. */
  place(
    text: string | Uint8Array | readonly Uint8Array[],
    path: string,
    { sync = false }: { readonly sync?: boolean } = {},
  ): void {
    replaceFile(path, text, { by: this.reserve(), mode: 0o600, sync })
  }

  /** Removes leftovers of dead processes. */
  sweep(): void {
    const left = this.leftovers()
    this.owners.sweep()
    for (const path of left) rmSync(path, { recursive: true, force: true })
  }

  /** Lists leftovers of dead processes. */
  leftovers(): string[] {
    return this.list().flatMap(({ path, alive }) => (alive ? [] : [path]))
  }

  /** Lists what belongs to living processes, with times in milliseconds since 1970. */
  living(): readonly { readonly path: string; readonly since: number; readonly born: number }[] {
    return this.list().filter(({ alive }) => alive)
  }

  private list(): { path: string; since: number; born: number; alive: boolean }[] {
    return listFolder(this.folder).map(({ name, stat }) => {
      const alive = this.owners.isAlive(name, stat.mtimeMs)
      return { path: join(this.folder, name), since: stat.mtimeMs, born: stat.birthtimeMs, alive }
    })
  }
}
