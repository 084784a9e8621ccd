import {
  appendFileSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
} from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { inDirectory, isThere, keepingTime } from './without-links.ts'

/** A swapped path, recorded in the journal before anything is moved. */
interface Borrowed {
  readonly place: string
  /** Where the original is kept meanwhile. */
  readonly saved?: string | undefined
  /** Where the directory put there came from, and which one it is. */
  readonly back?: string | undefined
  readonly inode?: string | undefined
}

const journal = 'borrowed'
let count = 0

/**
 * Paths in a folder that are replaced with something of ours while a command runs, where nothing can be mounted. The original is
 * moved aside and restored, after a kill by the next process; directories created on the way are removed if empty; directory
 * times are kept. No symlink is followed, whether from the image or from what was put there.
 */
export class SwappedPaths {
  private readonly root: string
  private readonly aside: string
  private readonly borrowed: (Borrowed & { readonly fd?: number | undefined })[] = []
  private readonly made: string[] = []

  constructor(root: string, aside: string) {
    this.root = root
    this.aside = aside
    mkdirSync(aside, { recursive: true })
  }

  /** `put` creates something at the path it is given. With `back`, that directory is moved there, and back later. */
  borrow(place: string, put: (path: string) => void, back?: string): void {
    const { root, aside, borrowed, made } = this
    inDirectory(
      root,
      dirname(place),
      (directory) =>
        keepingTime(directory, () => {
          const path = directory.at(posix.basename(place))
          const fd = back === undefined ? undefined : openSync(back, constants.O_RDONLY | constants.O_DIRECTORY)
          const saved = isThere(path) ? join(aside, String(borrowed.length)) : undefined
          const one: Borrowed = { place, saved, back, inode: fd === undefined ? undefined : inodeOf(fstatSync(fd)) }
          appendFileSync(join(aside, journal), `${JSON.stringify(one)}\n`)
          borrowed.push({ ...one, fd })
          if (saved !== undefined) renameSync(path, saved)
          put(path)
        }),
      (place) => made.push(place),
    )
  }

  /** Restores everything. Safe to call twice. */
  giveBack(): void {
    for (const { fd, ...one } of this.borrowed.splice(0).reverse()) {
      giveBack(this.root, this.aside, one, fd)
      if (fd !== undefined) closeSync(fd)
    }
    for (const place of this.made.splice(0).reverse())
      trying(() =>
        inDirectory(this.root, dirname(place), (directory) =>
          keepingTime(directory, () => rmdirSync(directory.at(posix.basename(place)))),
        ),
      )
  }
}

/** Rescues what a killed process had swapped, so that removing its folder, which contains `aside`, destroys nothing else. */
export function rescueMoved(aside: string): void {
  let text = ''
  trying(() => {
    text = readFileSync(join(aside, journal), 'utf8')
  })
  for (const line of text.split('\n').reverse())
    trying(() => giveBack(join(dirname(aside), 'root'), aside, JSON.parse(line) as Borrowed, undefined))
}

function giveBack(root: string, aside: string, one: Borrowed, fd: number | undefined): void {
  const { place, saved, back, inode } = one
  const rest = (directory: string, work: (path: string) => void) =>
    trying(() =>
      inDirectory(root, dirname(directory), (parent) =>
        keepingTime(parent, () => work(parent.at(posix.basename(directory)))),
      ),
    )
  const home = (path: string) => {
    if (back !== undefined && inodeAt(path) === inode && !isThere(back)) renameSync(path, back)
  }
  if (back !== undefined) {
    rest(place, home)
    // The command may have moved it: the kernel knows its current path, without symlinks.
    if (!isThere(back) && fd !== undefined)
      trying(() => rest(posix.relative(root, readlinkSync(`/proc/self/fd/${fd}`)), home))
  }
  rest(place, (path) => {
    if (saved !== undefined && !isThere(saved)) return
    // What is left there is removed with the step's own folder, however deep it is.
    if (isThere(path)) renameSync(path, join(aside, `gone-${count++}`))
    if (saved !== undefined) renameSync(saved, path)
  })
}

function inodeOf({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}:${ino}`
}

function inodeAt(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat?.isDirectory() ? inodeOf(stat) : undefined
}

/** The command may have put something there, or removed it: nothing to do then. */
function trying(work: () => void): void {
  try {
    work()
  } catch {}
}
