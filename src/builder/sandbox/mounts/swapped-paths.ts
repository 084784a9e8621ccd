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

/** A place, as it stands in the journal before anything is moved. */
interface Borrowed {
  readonly place: string
  /** Where what was there is put aside. */
  readonly saved?: string | undefined
  /** Where the directory that is put there has its home, and which one it is. */
  readonly back?: string | undefined
  readonly inode?: string | undefined
}

const journal = 'borrowed'
let count = 0

/**
 * Places in a folder that something of ours takes while a command runs there, where nothing can be mounted. What was there
 * is put aside and comes back, after a kill by the next process; directories made on the way go, if they are empty; times of
 * directories stay. No link is followed, neither of the image's nor of what was put there.
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

  /** `put` makes something at the path that it is given. With `back`, a directory, that is put there, and moved back later. */
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

  /** Puts everything back. Safe to call twice. */
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

/** What a killed process had borrowed, so that removing its folder, `aside` in it, takes nothing along. */
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
    // The command may have moved it: where it is now the kernel tells, by a path without links.
    if (!isThere(back) && fd !== undefined)
      trying(() => rest(posix.relative(root, readlinkSync(`/proc/self/fd/${fd}`)), home))
  }
  rest(place, (path) => {
    if (saved !== undefined && !isThere(saved)) return
    // What is left there goes with the step's own folder, however deep it is.
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

/** The command may have put something there, or removed it: then there is nothing to do. */
function trying(work: () => void): void {
  try {
    work()
  } catch {}
}
