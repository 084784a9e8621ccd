import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Node, Tree } from '../../files/tree/index.ts'
import { systemCode } from '../../support/index.ts'
import { Extractor, layerBetween } from './extract.ts'
import type { Machine } from './machine.ts'
import { runProgram } from './programs.ts'
import type { CacheMount } from './types.ts'
import { isLiving, nameOfProcess, type WorkFolders } from './work-folder.ts'

export interface HeldCache {
  readonly path: string
  release(): void
}

/** What steps keep between builds: directories by their id, `<digest>/data`, with the id beside. */
export class Caches {
  readonly folder: string
  private readonly machine: Machine
  private readonly work: WorkFolders

  constructor(folder: string, machine: Machine, work: WorkFolders) {
    this.folder = folder
    this.machine = machine
    this.work = work
  }

  /**
   * The directory for the mount. `locked` waits until nobody else has it; `private` takes a further one where the first is
   * in use; `shared` asks nobody.
   */
  async take(mount: CacheMount, signal: AbortSignal): Promise<HeldCache> {
    for (let n = 0; ; n++) {
      const key = createHash('sha256')
        .update(mount.sharing === 'private' && n > 0 ? `${mount.id}\0${n}` : mount.id)
        .digest('hex')
      const folder = join(this.folder, key)
      mkdirSync(folder, { recursive: true })
      if (mount.sharing === 'shared') return { path: await this.made(folder, mount), release: () => {} }
      const lock = join(folder, 'lock')
      while (!tryLock(lock)) {
        if (mount.sharing === 'private') break
        await pause(20 + Math.random() * 30, undefined, { signal })
      }
      if (holderOf(lock) !== mine(lock)) continue
      return { path: await this.made(folder, mount), release: () => rmSync(lock, { force: true }) }
    }
  }

  private async made(folder: string, mount: CacheMount): Promise<string> {
    const path = join(folder, 'data')
    if (existsSync(path)) {
      // When it was last used is told by this file.
      utimesSync(join(folder, 'id'), new Date(), new Date())
      return path
    }
    const work = this.work.make(['data'])
    const made = join(work, 'data')
    if (mount.seed?.kind === 'directory')
      await new Extractor(this.machine).layer(
        await layerBetween(Tree.empty, treeOf(mount.seed), join(work, 'tar')),
        made,
      )
    await this.own(made, mount)
    writeFileSync(join(folder, 'id'), mount.id)
    try {
      renameSync(made, path)
    } catch (error) {
      if (systemCode(error) !== 'ENOTEMPTY' && systemCode(error) !== 'EEXIST') throw error
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
    return path
  }

  private async own(path: string, { uid, gid, mode }: CacheMount): Promise<void> {
    if (this.machine.root || (uid === 0 && gid === 0)) {
      if (this.machine.root) chownSync(path, uid, gid)
      chmodSync(path, mode)
      return
    }
    const script = `chmod ${mode.toString(8)} "$1" && chown ${uid}:${gid} "$1"`
    await runProgram([...this.machine.enter([]), 'sh', '-c', script, 'sh', path])
  }
}

function treeOf(node: Node & { kind: 'directory' }): Tree {
  return new Tree({ ...Tree.empty.root, children: node.children })
}

const taken = new Map<string, string>()
let count = 0

function mine(lock: string): string | undefined {
  return taken.get(lock)
}

function tryLock(lock: string): boolean {
  const name = `${nameOfProcess()}-${++count}`
  try {
    writeFileSync(lock, name, { flag: 'wx' })
    taken.set(lock, name)
    return true
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
  const holder = holderOf(lock)
  // A killed process does not unlock. Should two find that at once, the second removes the first one's lock only within the
  // blink between reading and removing.
  if (holder !== undefined && !isLiving(holder)) rmSync(lock, { force: true })
  return false
}

function holderOf(lock: string): string | undefined {
  try {
    return readFileSync(lock, 'utf8')
  } catch {
    return undefined
  }
}
