import { closeSync, existsSync, openSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { TareError } from '../support/index.ts'
import { makeFolder, makePrivateFolder, privately } from './folders.ts'
import { touchLocks } from './held-locks.ts'
import { isRunning, nameOf, type Owner, ownerOf, thisProcess } from './process.ts'

export interface Pace {
  /** A living process touches its mark this often, in milliseconds. */
  readonly touch: number
  /** One that has not for so long is dead. */
  readonly silence: number
}

const usual: Pace = { touch: 30_000, silence: 300_000 }

/**
 * Who is alive of those that share a folder. A process of the same boot and PID namespace is asked for. Any other, in another
 * container or on another machine with the same volume, is alive while it touches its mark: an empty file in `folder`, under the
 * process's name. Call `announce` before making anything that has the process's name.
 */
export class Owners {
  private readonly folder: string
  private readonly pace: Pace
  private known: Owner | undefined
  private timer: NodeJS.Timeout | undefined
  private touched = 0
  private lives = 0

  constructor(folder: string, self?: Owner, pace: Pace = usual) {
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

  /** Shows from now on that this process is alive. Answers which of its lives this is: see `check`. */
  announce(): number {
    if (this.timer === undefined) {
      this.touch()
      // It keeps no process up.
      this.timer = setInterval(() => this.touchAgain(), this.pace.touch).unref()
      announced.add(this)
      endWithProcess()
    } else if (!this.isMarked()) this.touch()
    return this.lives
  }

  /**
   * Throws `STORE_LOST` where others have taken this process for dead since `announce` answered `life`, and may have removed its
   * files: a machine was suspended for long, say, while another one went on.
   */
  check(life: number): void {
    if (life === this.lives && this.isMarked()) return
    throw new TareError(
      'STORE_LOST',
      `this process stood still for so long that another one removed its files in ${dirname(this.folder)}`,
      {
        remedy: 'Try again.',
      },
    )
  }

  /**
   * Whether the process that `name` begins with is alive. `made`, in milliseconds since 1970, is when what has the name was
   * last changed: all there is to go by of what the versions left that made no marks.
   */
  isAlive(name: string, made: number): boolean {
    const owner = ownerOf(name)
    if (owner !== undefined && owner.space === this.self.space) return isRunning(owner)
    const mark = owner === undefined ? undefined : this.markOf(owner)
    if (mark !== undefined) return this.now() - mark < this.pace.silence
    // It took its mark along when it ended, or was found dead before.
    if (owner?.start !== undefined) return false
    return Math.abs(this.now() - made) < this.pace.silence
  }

  /** Whether a process of another machine or PID namespace is alive. */
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

  /** Ends what `announce` began. */
  leave(): void {
    clearInterval(this.timer)
    this.timer = undefined
    announced.delete(this)
    try {
      rmSync(this.mark, { force: true })
    } catch {
      // It goes silent, then.
    }
  }

  /** A folder that somebody has removed is not made again for the mark alone. */
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
      // Empty, for a full disk; opened anew, so that the time is of the clock that all who share the disk go by.
      closeSync(openSync(this.mark, 'w', 0o600))
    } catch (error) {
      // The disk may come back; a first mark has to be there.
      if (this.timer === undefined) throw error
    }
  }

  private isMarked(): boolean {
    return statSync(this.mark, { throwIfNoEntry: false }) !== undefined
  }

  /** The time of the disk, as far as that can be told without writing. */
  private now(): number {
    const own = statSync(this.mark, { throwIfNoEntry: false })?.mtimeMs
    return own === undefined ? Date.now() : own + Math.max(0, Date.now() - this.touched)
  }

  /** When the process last touched its mark. */
  private markOf(owner: Owner): number | undefined {
    const path = join(this.folder, nameOf(owner))
    const since = statSync(path, { throwIfNoEntry: false })?.mtimeMs
    if (since === undefined || since - this.now() < this.pace.silence) return since
    // Dated ahead, by a clock that has been set back since: from now on it counts. A living process touches it again.
    try {
      utimesSync(path, new Date(this.now()), new Date(this.now()))
    } catch {
      // Then it stays alive.
    }
    return since
  }

  private marks(): { readonly name: string; readonly since: number }[] {
    let names: string[]
    try {
      names = readdirSync(this.folder)
    } catch {
      return []
    }
    return names.flatMap((name) => {
      const stat = statSync(join(this.folder, name), { throwIfNoEntry: false })
      return stat === undefined ? [] : [{ name, since: stat.mtimeMs }]
    })
  }
}

const announced = new Set<Owners>()
const byFolder = new Map<string, Owners>()
let endsWithProcess = false

/** This process among those that share the folder, whoever asks. */
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
 * Whether a dead process left what has that name, in a place without marks: one of another machine or PID namespace is dead when
 * the file, changed at `made`, has not been written to for long.
 */
export function isLeftBy(name: string, made: number): boolean {
  const owner = ownerOf(name)
  if (owner?.space === thisProcess().space) return !isRunning(owner)
  return Math.abs(Date.now() - made) >= usual.silence
}

/** Shows that this process is alive, where it is time to. For work that goes on for long without letting timers run. */
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
