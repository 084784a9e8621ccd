import { chmodSync, chownSync, lstatSync, mkdirSync, rmdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TarHeader } from '../../../files/tar/index.ts'
import { type Node, nameOfKind, partsOf, Tree } from '../../../files/tree/index.ts'
import { systemPath, TareError } from '../../../support/index.ts'
import type { Machine } from '../machine/index.ts'
import { Extractor } from '../rootfs/index.ts'

/**
 * Mount points that the filesystem lacks. They become a layer of their own below the step's, so that they do not appear in what
 * the step wrote; their parent directories get the filesystem's metadata.
 */
export class Stubs {
  private readonly tree: Tree
  private readonly headers = new Map<string, TarHeader>()
  private readonly now: number
  private readonly touched = new Set<string>()

  constructor(tree: Tree, now: number) {
    this.tree = tree
    this.now = now
  }

  /** Resolves symlinks in the target, without creating anything. */
  resolve(target: string): string {
    return this.tree.resolve(target)
  }

  /** Returns what the filesystem has at a resolved place. */
  find(place: string): Node | undefined {
    return place === '' ? this.tree.root : this.tree.get(place)
  }

  /**
   * Resolves symlinks in the target and creates a mount point if needed; returns it without a leading `/`. Throws
   * `MOUNT_TARGET_INVALID`.
   */
  place(target: string, kind: 'directory' | 'file'): string {
    const path = this.tree.resolve(target)
    if (path === '')
      throw new TareError('MOUNT_TARGET_INVALID', `invalid mount target ${JSON.stringify(target)}: it is the root`)
    const there = this.tree.get(path)
    if (there === undefined) this.add(path, kind)
    else if ((there.kind === 'directory') !== (kind === 'directory')) {
      throw new TareError(
        'MOUNT_TARGET_INVALID',
        `cannot mount a ${kind} at ${target}: a ${nameOfKind(there)} is there`,
        { remedy: 'Mount it at another target.' },
      )
    }
    return path
  }

  /**
   * Returns those of `proc`, `sys` and `dev` that the filesystem lacks: they are created and stay, as a runtime leaves them in
   * Docker's layers.
   */
  missingSystem(): string[] {
    return ['proc', 'sys', 'dev'].filter((name) => this.tree.get(name) === undefined)
  }

  /** Writes the layer to an empty folder. */
  async write(folder: string, machine: Machine): Promise<void> {
    const headers = [...this.headers.keys()].sort().map((path) => this.headers.get(path)!)
    const ours = headers.every(({ uid, gid }) => uid === 0 && gid === 0)
    if (!machine.root && !ours) {
      await new Extractor(machine).archive(headers, folder)
      return
    }
    for (const { path, kind, mode, uid, gid } of headers) {
      const at = systemPath(join(folder, path))
      if (kind === 'directory') mkdirSync(at)
      else writeFileSync(at, '')
      if (machine.root && uid + gid > 0) chownSync(at, uid, gid)
      chmodSync(at, mode)
    }
    // From the inside out: creating entries changes a directory's time.
    for (const { path, mtime, mtimeNs } of headers.reverse()) {
      const time = mtime + mtimeNs / 1e9
      utimesSync(systemPath(join(folder, path)), time, time)
    }
  }

  /**
   * Creates the mount points in the filesystem itself, if they cannot be a layer. Returns a function that removes those still
   * empty.
   */
  fill(root: string): () => void {
    const made: (string | Buffer)[] = []
    for (const path of [...this.headers.keys()].sort()) {
      const at = systemPath(join(root, path))
      if (lstatSync(at, { throwIfNoEntry: false }) !== undefined) continue
      const { kind, mode } = this.headers.get(path)!
      if (kind === 'directory') mkdirSync(at)
      else writeFileSync(at, '', { flag: 'wx' })
      chmodSync(at, mode)
      made.push(at)
    }
    return () => {
      for (const at of made.splice(0).reverse())
        try {
          const found = lstatSync(at)
          if (found.isDirectory()) rmdirSync(at)
          else if (found.isFile() && found.size === 0) rmSync(at)
        } catch {
          // The command has put something there, or removed it.
        }
    }
  }

  /**
   * Returns the filesystem after the step, with a new time for directories in which stubs were created and removed: as Docker
   * leaves them.
   */
  touch(after: Tree): Tree {
    const now = Date.now()
    const draft = after.edit()
    for (const path of this.touched)
      if (draft.get(partsOf(path))?.kind === 'directory')
        draft.change(partsOf(path), { mtime: Math.floor(now / 1000), mtimeNs: (now % 1000) * 1_000_000 })
    return new Tree(draft.done())
  }

  private add(path: string, kind: 'directory' | 'file'): void {
    const parts = partsOf(path)
    for (let i = 1; i < parts.length; i++) this.parent(parts.slice(0, i).join('/'))
    if (this.headers.has(path)) return
    const lowest = parts.findIndex((_, i) => this.tree.get(parts.slice(0, i + 1).join('/')) === undefined)
    if (lowest > 0) this.touched.add(parts.slice(0, lowest).join('/'))
    const header = { uid: 0, gid: 0, mtime: this.now, mtimeNs: 0, size: 0 }
    this.headers.set(path, {
      ...header,
      path: kind === 'directory' ? `${path}/` : path,
      kind,
      mode: kind === 'directory' ? 0o755 : 0o644,
    })
  }

  private parent(path: string): void {
    if (this.headers.get(path)?.kind === 'directory') return
    const node = this.tree.get(path)
    if (node !== undefined && node.kind !== 'directory')
      throw new TareError('MOUNT_TARGET_INVALID', `cannot mount below /${path}: it is a ${nameOfKind(node)}`)
    const { mode, uid, gid, mtime, mtimeNs } = node ?? { mode: 0o755, uid: 0, gid: 0, mtime: this.now, mtimeNs: 0 }
    this.headers.set(path, { path: `${path}/`, kind: 'directory', mode, uid, gid, mtime, mtimeNs, size: 0 })
  }
}
