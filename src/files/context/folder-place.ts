import { lstatSync, type Stats } from 'node:fs'
import { systemPath } from '../../support/index.ts'
import type { DirectoryPlace, Moment, Owner } from '../tree/index.ts'
import type { FolderMemory } from './folder-memory.ts'
import { mayBeRounded, roundDown } from './rounded-times.ts'

const setIdBits = 0o6000

/** A folder of a context on this machine, and whether the context has all of it. */
export class FolderPlace implements DirectoryPlace {
  readonly path: string
  readonly dev: number
  readonly ino: number
  readonly mode: number
  readonly owner: Owner
  readonly readAt: Moment
  private readonly mtimeMs: number
  private readonly ctimeMs: number
  private isAlike = true
  private isInSeconds: boolean
  private within: Owner | undefined
  private memory: FolderMemory | undefined

  /** `readAt`: before the stat was asked for. */
  constructor(path: string, stat: Stats, readAt: Moment) {
    this.path = path
    this.dev = stat.dev
    this.ino = stat.ino
    this.mode = stat.mode & 0o7777
    this.owner = { uid: stat.uid, gid: stat.gid }
    this.mtimeMs = stat.mtimeMs
    this.ctimeMs = stat.ctimeMs
    this.readAt = readAt
    this.isInSeconds = isWholeSecond(stat)
  }

  get fileCount(): number {
    return this.memory?.files ?? 0
  }

  get hasWholeSeconds(): boolean {
    return this.isInSeconds
  }

  get isWhole(): boolean {
    return this.isAlike && this.memory !== undefined
  }

  get ownerWithin(): Owner | undefined {
    return this.within
  }

  /** Starts reading it. */
  reads(memory: FolderMemory): void {
    this.memory = memory
  }

  /** Records that the context leaves something out. */
  leaveOut(): void {
    this.isAlike = false
  }

  /** Records something in it that the context has. */
  see(stat: Stats): void {
    if (!this.isAlike) return
    const { uid, gid } = stat
    this.isInSeconds ||= isWholeSecond(stat)
    this.within ??= this.owner.uid === uid && this.owner.gid === gid ? this.owner : { uid, gid }
    const isOwned = this.within.uid === uid && this.within.gid === gid
    this.isAlike = isOwned && stat.dev === this.dev && isPlain(stat)
  }

  isAsRead(): boolean {
    const folder = this.look('.')
    if (folder === undefined || folder.ino !== this.ino || folder.dev !== this.dev) return false
    // Names come and go, and rights change, with a new time.
    if (folder.ctimeMs !== this.ctimeMs || folder.mtimeMs !== this.mtimeMs) return false
    return this.memory?.areAsSeen((name, isLike) => this.isLike(name, isLike)) === true
  }

  private isLike(name: string, isLike: (stat: Stats) => boolean): boolean {
    const stat = this.look(name)
    if (stat === undefined) return false
    if (isLike(stat)) return true
    if (!mayBeRounded(stat)) return false
    roundDown(stat, systemPath(`${this.path}/${name}`))
    return isLike(stat)
  }

  private look(name: string): Stats | undefined {
    try {
      return lstatSync(systemPath(`${this.path}/${name}`), { throwIfNoEntry: false })
    } catch {
      // Part of the path is a file by now, or is not accessible.
      return undefined
    }
  }
}

function isWholeSecond({ ctimeMs }: Stats): boolean {
  return ctimeMs % 1000 === 0
}

/** Whether something means the same in every mount, and has no other name. */
function isPlain(stat: Stats): boolean {
  if (stat.isDirectory() || stat.isSymbolicLink()) return true
  return stat.isFile() && stat.nlink === 1 && (stat.mode & setIdBits) === 0
}
