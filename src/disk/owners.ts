import { closeSync, existsSync, openSync, rmSync, statSync, utimesSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { TareError } from '../support/index.ts'
import { listFolder, makeFolder, makePrivateFolder, privately } from './folders.ts'
import { touchLocks } from './held-locks.ts'
import { isRunning, nameOf, type Owner, ownerOf, thisProcess } from './process.ts'

export interface Heartbeat {
  /** How often a living process touches its mark, in milliseconds. */
  readonly touch: number
  /** After how many milliseconds without a touch a process counts as dead. */
  readonly silence: number
}

const usual: Heartbeat = { touch: 30_000, silence: 300_000 }

// Milliseconds.
const lookAgain = 1000

/**
 * Tracks which of the processes sharing a folder are alive. For the same boot and PID namespace, the kernel knows. A process in another container or
 * on another machine with the same volume is alive while it touches its mark: an empty file in `folder` named after the process. Call `announce`
 * before creating anything that carries the process's name.
 */
export class Owners {
  private readonly folder: string
  private readonly pace: Heartbeat
  private known: Owner | undefined
  private timer: NodeJS.Timeout | undefined
  private touched = 0
  private seen = 0
  private lives = 0

  constructor(folder: string, self?: Owner, pace: Heartbeat = usual) {
    this.folder = folder
    this.known = self
    this.pace = pace
  }

  /** Found out when it is first needed: a verb that only reads does without. */
  get self(): Owner {
    this.known ??= thisProcess()
    return this.known
  }

  private get mark(): string {
    return join(this.folder, nameOf(this.self))
  }

  /** Marks this process as alive from now on. Returns a number for `check` that changes if the process was taken for dead meanwhile. */
  announce(): number {
    if (this.timer === undefined) {
      this.touch()
      // Must not keep the process running.
      this.timer = setInterval(() => this.touchAgain(), this.pace.touch).unref()
      announced.add(this)
      endWithProcess()
    } else if (!this.isMarked()) this.touch()
    return this.lives
  }

  /** As `announce`, for each of many small files: looks at the mark once a second, since others take a process for dead only after a long silence. */
  stayAnnounced(): void {
    const now = Date.now()
    if (this.timer !== undefined && Math.abs(now - this.seen) < Math.min(lookAgain, this.pace.silence / 10)) return
    this.announce()
    this.seen = now
  }

  /**
   * Throws `STORE_LOST` if others have taken this process for dead since `announce` returned `life`, and may have removed its files – for example
   * because this machine was suspended while another one continued.
   */
  check(life: number): void {
    if (life === this.lives && this.isMarked()) return
    throw new TareError(
      'STORE_LOST',
      `this process was suspended for so long that another one removed its files in ${dirname(this.folder)}`,
      {
        remedy: 'Try again.',
      },
    )
  }

  /**
   * Whether the process named at the beginning of `name` is alive. `made` (milliseconds since 1970) is when the thing so named was last changed: the
   * only evidence for files of old versions, which made no marks.
   */
  isAlive(name: string, made: number): boolean {
    const owner = ownerOf(name)
    if (owner !== undefined && owner.space === this.self.space) return isRunning(owner)
    const mark = owner === undefined ? undefined : this.markOf(owner)
    if (mark !== undefined) return this.now() - mark < this.pace.silence
    // It removed its mark when it ended, or was found dead earlier.
    if (owner?.start !== undefined) return false
    return Math.abs(this.now() - made) < this.pace.silence
  }

  /** Whether a process on another machine or in another PID namespace is alive. */
  hasNeighbours(): boolean {
    return this.marks().some(({ name, since }) => ownerOf(name)?.space !== this.self.space && this.isAlive(name, since))
  }

  /** Removes the marks of dead processes. */
  sweep(): void {
    for (const { name, since } of this.marks())
      if (!this.isAlive(name, since)) rmSync(join(this.folder, name), { force: true })
  }

  touchIfDue(): void {
    if (Date.now() - this.touched >= this.pace.touch) this.touchAgain()
  }

  /** Undoes `announce`. */
  leave(): void {
    clearInterval(this.timer)
    this.timer = undefined
    announced.delete(this)
    try {
      rmSync(this.mark, { force: true })
    } catch {
      // The mark then simply becomes silent.
    }
  }

  /** Does not recreate a folder that someone has removed, only for the mark. */
  private touchAgain(): void {
    if (existsSync(this.folder)) this.touch()
  }

  private touch(): void {
    this.touched = Date.now()
    try {
      if (!this.isMarked()) {
        makePrivateFolder(dirname(this.folder))
        makeFolder(this.folder, privately)
        this.lives++
      }
      // Writes nothing, so that it works on a full disk; reopens the file, so that the timestamp comes from the clock of the disk's server.
      closeSync(openSync(this.mark, 'w', 0o600))
    } catch (error) {
      // Later touches may fail, since the disk may come back; the first one must succeed.
      if (this.timer === undefined) throw error
    }
  }

  private isMarked(): boolean {
    return statSync(this.mark, { throwIfNoEntry: false }) !== undefined
  }

  /** The disk's time, as far as it can be known without writing. */
  private now(): number {
    const own = statSync(this.mark, { throwIfNoEntry: false })?.mtimeMs
    return own === undefined ? Date.now() : own + Math.max(0, Date.now() - this.touched)
  }

  /** When the process last touched its mark. */
  private markOf(owner: Owner): number | undefined {
    const path = join(this.folder, nameOf(owner))
    const since = statSync(path, { throwIfNoEntry: false })?.mtimeMs
    if (since === undefined || since - this.now() < this.pace.silence) return since
    // The mark is dated in the future by a clock that has since been set back: counts from now. A living process will touch it again.
    try {
      utimesSync(path, new Date(this.now()), new Date(this.now()))
    } catch {
      // It is then treated as alive.
    }
    return since
  }

  private marks(): { readonly name: string; readonly since: number }[] {
    return listFolder(this.folder).map(({ name, stat }) => ({ name, since: stat.mtimeMs }))
  }
}

const announced = new Set<Owners>()
const byFolder = new Map<string, Owners>()
let endsWithProcess = false

/** Returns this process's registration among those sharing the folder; always the same object. */
export function ownersIn(folder: string): Owners {
  const path = resolve(folder)
  let owners = byFolder.get(path)
  if (owners === undefined) {
    owners = new Owners(path)
    byFolder.set(path, owners)
  }
  return owners
}

/**
 * Whether `name` was left by a dead process in a folder without marks. A process of another machine or PID namespace counts as dead if the file, last
 * changed at `made`, has not been written for a long time.
 */
export function isLeftBy(name: string, made: number): boolean {
  const owner = ownerOf(name)
  if (owner?.space === thisProcess().space) return !isRunning(owner)
  return Math.abs(Date.now() - made) >= usual.silence
}

/** Touches this process's marks if they are due. For long work that blocks timers. */
export function showLife(): void {
  for (const owners of announced) owners.touchIfDue()
  touchLocks()
}

function endWithProcess(): void {
  if (endsWithProcess) return
  endsWithProcess = true
  process.once('exit', () => {
    for (const owners of announced) owners.leave()
  })
}
