import { closeSync, openSync, read } from 'node:fs'
import { inParallel, systemPath } from '../../support/index.ts'

/** As many bytes of two files. */
export interface ExtentPair {
  readonly pathA: string
  readonly atA: number
  readonly pathB: string
  readonly atB: number
  readonly size: number
}

/** `unread`: one of the files could not be read so far. */
export type ExtentOutcome = 'same' | 'different' | 'unread'

const mebi = 1 << 20
const windowSize = mebi / 4
const largestPart = 8 * mebi
const portionSize = 8 * mebi
// What a small part costs besides its bytes.
const partCost = 1024
// As many as Node has threads that read.
const atOnce = 4

/**
 * Compares pairs of extents, each with an early end at a difference: even of bytes in the page cache, a digest would take several
 * times as long.
 */
export async function compareExtents(
  pairs: readonly ExtentPair[],
  signal?: AbortSignal,
): Promise<readonly ExtentOutcome[]> {
  const outcomes: ExtentOutcome[] = pairs.map(() => 'same')
  const files = new OpenFiles()
  const idle = Array.from({ length: atOnce }, () => new Comparer(files))
  try {
    await inParallel(portionsOf(pairs), atOnce, async (parts) => {
      const comparer = idle.pop()!
      for (const { pair, from, to } of parts) {
        signal?.throwIfAborted()
        if (outcomes[pair] === 'different') continue
        const outcome = await comparer.compare(pairs[pair]!, from, to)
        if (outcome !== 'same') outcomes[pair] = outcome
      }
      idle.push(comparer)
    })
  } finally {
    files.close()
  }
  return outcomes
}

interface Part {
  /** Its pair's index. */
  readonly pair: number
  readonly from: number
  readonly to: number
}

/** Orders pairs by their place in A, and divides them. */
function portionsOf(pairs: readonly ExtentPair[]): readonly (readonly Part[])[] {
  const order = [...pairs.keys()].sort((x, y) => {
    const [a, b] = [pairs[x]!, pairs[y]!]
    return a.pathA !== b.pathA ? (a.pathA < b.pathA ? -1 : 1) : a.atA - b.atA
  })
  const portions: Part[][] = []
  let cost = portionSize
  for (const pair of order)
    for (let from = 0, { size } = pairs[pair]!; from < size; from += largestPart) {
      const to = Math.min(size, from + largestPart)
      if (cost >= portionSize) {
        portions.push([])
        cost = 0
      }
      portions.at(-1)!.push({ pair, from, to })
      cost += to - from + partCost
    }
  return portions
}

class Comparer {
  private readonly left: Window
  private readonly right: Window

  constructor(files: OpenFiles) {
    this.left = new Window(files)
    this.right = new Window(files)
  }

  async compare({ pathA, atA, pathB, atB }: ExtentPair, from: number, to: number): Promise<ExtentOutcome> {
    const { left, right } = this
    try {
      for (let done = from; done < to; ) {
        if (!left.has(pathA, atA + done) || !right.has(pathB, atB + done))
          await Promise.all([left.move(pathA, atA + done), right.move(pathB, atB + done)])
        const [x, y] = [atA + done - left.at, atB + done - right.at]
        const count = Math.min(to - done, left.length - x, right.length - y)
        if (left.bytes.compare(right.bytes, y, y + count, x, x + count) !== 0) return 'different'
        done += count
      }
      return 'same'
    } catch {
      return 'unread'
    }
  }
}

/** Some bytes of a file, read ahead: small extents lie next to each other. */
class Window {
  readonly bytes = Buffer.allocUnsafeSlow(windowSize)
  at = 0
  length = 0
  private path = ''
  private readonly files: OpenFiles

  constructor(files: OpenFiles) {
    this.files = files
  }

  has(path: string, at: number): boolean {
    return this.path === path && at >= this.at && at < this.at + this.length
  }

  async move(path: string, at: number): Promise<void> {
    if (this.has(path, at)) return
    this.length = 0
    const count = await readAt(this.files.open(path), this.bytes, at)
    if (count === 0) throw new RangeError(`${path} ends before ${at}`)
    Object.assign(this, { path, at, length: count })
  }
}

class OpenFiles {
  private readonly fds = new Map<string, number>()

  open(path: string): number {
    const fd = this.fds.get(path) ?? openSync(systemPath(path), 'r')
    this.fds.set(path, fd)
    return fd
  }

  close(): void {
    for (const fd of this.fds.values()) closeSync(fd)
  }
}

function readAt(fd: number, into: Buffer, at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, into, 0, into.length, at, (error, count) => (error === null ? resolve(count) : reject(error)))
  })
}
