import { createHash } from 'node:crypto'
import { chmodSync, chownSync, existsSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { makeFolder, type ProcessFiles, privately, tryLock } from '../../../disk/index.ts'
import { systemCode, TareError } from '../../../support/index.ts'
import type { Machine } from '../machine/index.ts'
import { runProgram } from '../machine/index.ts'
import { Extractor, removeAll } from '../rootfs/index.ts'
import type { CacheMount } from '../step/index.ts'

export interface HeldCache {
  readonly path: string
  release(): void
}

/** Cache directories kept between builds, by id: `<digest>/data`, with the id in a file next to it. */
export class Caches {
  readonly folder: string
  private readonly machine: Machine
  private readonly work: ProcessFiles

  constructor(folder: string, machine: Machine, work: ProcessFiles) {
    this.folder = folder
    this.machine = machine
    this.work = work
  }

  /**
   * Returns the directory for the mount. `locked` waits until it is free; `private` uses an additional one if the first is in
   * use; `shared` does not lock.
   */
  async take(mount: CacheMount, signal: AbortSignal): Promise<HeldCache> {
    for (let n = 0; ; n++) {
      const key = createHash('sha256')
        .update(mount.sharing === 'private' && n > 0 ? `${mount.id}\0${n}` : mount.id)
        .digest('hex')
      const folder = join(this.folder, key)
      makeFolder(folder, privately)
      if (mount.sharing === 'shared') return { path: await this.made(folder, mount), release: () => {} }
      const lock = join(folder, 'lock')
      let release = tryLock(lock, this.work.owners)
      while (release === undefined && mount.sharing === 'locked') {
        await pause(20 + Math.random() * 30, undefined, { signal })
        release = tryLock(lock, this.work.owners)
      }
      if (release === undefined) continue
      try {
        return { path: await this.made(folder, mount), release }
      } catch (error) {
        release()
        throw error
      }
    }
  }

  private async made(folder: string, mount: CacheMount): Promise<string> {
    const path = join(folder, 'data')
    if (existsSync(path)) {
      // The file's time is when the cache was last used.
      utimesSync(join(folder, 'id'), new Date(), new Date())
      return path
    }
    const work = this.work.make(['data'])
    const made = join(work, 'data')
    if (mount.seed?.kind === 'directory') await new Extractor(this.machine).contents(mount.seed, made)
    try {
      writeFileSync(join(folder, 'id'), mount.id)
      await this.own(made, mount)
      await this.move(made, path, mount)
    } finally {
      await removeAll(this.machine, [work])
    }
    return path
  }

  private async own(path: string, { uid, gid, mode }: CacheMount): Promise<void> {
    if (this.machine.root || isOwn({ uid, gid })) {
      if (this.machine.root) chownSync(path, uid, gid)
      chmodSync(path, mode)
      return
    }
    const script = `chmod ${mode.toString(8)} "$1" && chown ${uid}:${gid} "$1"`
    const { code, stderr } = await runProgram([...this.machine.enter([]), 'sh', '-c', script, 'sh', path])
    if (code !== 0)
      throw new TareError(
        'SANDBOX_FAILED',
        `cannot create a cache for ${uid}:${gid}: ${stderr.trim().split('\n', 1)[0]}`,
        {
          remedy: 'An ordinary user can only use the IDs in /etc/subuid and /etc/subgid, usually 65536.',
        },
      )
  }

  /** Moves a new cache into place, unless another process was faster. Moving a directory requires write permission on it. */
  private async move(made: string, path: string, mount: CacheMount): Promise<void> {
    if (!this.machine.root && !isOwn(mount)) {
      const argv = [...this.machine.enter([]), 'mv', '-n', '-T', '--', made, path]
      await runProgram(argv)
      if (existsSync(path)) return
    }
    try {
      renameSync(made, path)
    } catch (error) {
      if (systemCode(error) !== 'ENOTEMPTY' && systemCode(error) !== 'EEXIST') throw error
    }
  }
}

/** Whether the directory belongs to root in the sandbox, which is us. */
function isOwn({ uid, gid }: Pick<CacheMount, 'uid' | 'gid'>): boolean {
  return uid === 0 && gid === 0
}
