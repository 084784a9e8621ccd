import { appendFileSync, lstatSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, utimesSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * Places in a folder that something of ours takes while a command runs there, where nothing can be mounted. What was there
 * is put aside and comes back; directories made on the way go, if they are empty; times of directories stay.
 */
export class BorrowedPlaces {
  private readonly root: string
  private readonly aside: string
  private readonly borrowed: { place: string; saved?: string | undefined; back?: string | undefined }[] = []
  private readonly made: string[] = []

  constructor(root: string, aside: string) {
    this.root = root
    this.aside = aside
    mkdirSync(aside, { recursive: true })
  }

  /** `put` makes something at the path that it is given. With `back`, it is moved there when it is given back. */
  borrow(place: string, put: (path: string) => void, back?: string): void {
    const path = join(this.root, place)
    this.makeParents(dirname(path))
    this.keepingTime(dirname(path), () => {
      const saved = exists(path) ? join(this.aside, String(this.borrowed.length)) : undefined
      if (saved !== undefined) renameSync(path, saved)
      if (back !== undefined) appendFileSync(join(this.aside, 'moved'), `${JSON.stringify([path, back])}\n`)
      this.borrowed.push({ place, saved, back })
      put(path)
    })
  }

  /** Puts everything back. Safe to call twice. */
  giveBack(): void {
    for (const { place, saved, back } of this.borrowed.splice(0).reverse()) {
      const path = join(this.root, place)
      if (!exists(dirname(path))) {
        continue
      }
      this.keepingTime(dirname(path), () => {
        if (back !== undefined && exists(path)) renameSync(path, back)
        rmSync(path, { recursive: true, force: true })
        if (saved !== undefined) renameSync(saved, path)
      })
    }
    for (const path of this.made.splice(0).reverse())
      this.keepingTime(dirname(path), () => {
        try {
          rmdirSync(path)
        } catch {
          // The command has put something there, or removed it.
        }
      })
  }

  private makeParents(path: string): void {
    if (exists(path)) return
    this.makeParents(dirname(path))
    this.keepingTime(dirname(path), () => mkdirSync(path, { mode: 0o755 }))
    this.made.push(path)
  }

  private keepingTime(directory: string, work: () => void): void {
    const { mtimeMs, atimeMs } = lstatSync(directory)
    work()
    utimesSync(directory, atimeMs / 1000, mtimeMs / 1000)
  }
}

/** Gives back what a killed process had moved into its folder, so that removing that does not take it along. */
export function rescueMoved(aside: string): void {
  let text: string
  try {
    text = readFileSync(join(aside, 'moved'), 'utf8')
  } catch {
    return
  }
  for (const line of text.split('\n').filter(Boolean)) {
    const [path, back] = JSON.parse(line) as [string, string]
    if (exists(path) && !exists(back)) renameSync(path, back)
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
