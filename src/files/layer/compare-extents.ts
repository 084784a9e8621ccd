import { Pace, startWorker, systemPath, ticks } from '../../support/index.ts'

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
const portionSize = 8 * mebi
// What a small part costs besides its bytes.
const partCost = 1024
// For fewer bytes, another thread takes longer to start than it saves.
const worthThread = 64 * mebi
// How long this thread compares at a stretch, in milliseconds.
const turn = 20

/**
 * Compares pairs of extents, each with an early end at a difference: even of bytes in the page cache, a digest would take several
 * times as long. Two threads share the work, and each compares what it has just read, which is then in its processor's cache.
 */
export async function compareExtents(
  pairs: readonly ExtentPair[],
  signal?: AbortSignal,
): Promise<readonly ExtentOutcome[]> {
  const job = jobOf(pairs)
  const size = pairs.reduce((sum, pair) => sum + pair.size, 0)
  // A process may not be allowed any more threads.
  const helper = size < worthThread ? undefined : await startHelper(job).catch(() => undefined)
  try {
    const pace = new Pace(signal)
    do await pace.keep()
    while (compareParts(job, ticks() + turn))
    await helper?.done
    signal?.throwIfAborted()
  } finally {
    helper?.end()
  }
  return outcomesOf(pairs, job)
}

/** What the threads share. */
interface Job {
  readonly paths: readonly (string | Buffer)[]
  /** For each part: its pair, its size, and for A and B the index of the path and the place there. */
  readonly parts: Float64Array
  /** Where each portion of the parts ends: what a thread takes at once. */
  readonly ends: Uint32Array
  /** The portion to be taken next. */
  readonly next: Int32Array
  /** For each part, whether its bytes have been read and are the same. */
  readonly same: Uint8Array
  /** For each pair, whether some of its bytes are different. */
  readonly different: Uint8Array
}

const partLength = 6

/** Orders pairs by their place in A, and divides them. */
function jobOf(pairs: readonly ExtentPair[]): Job {
  const order = [...pairs.keys()].sort((x, y) => {
    const [a, b] = [pairs[x]!, pairs[y]!]
    return a.pathA !== b.pathA ? (a.pathA < b.pathA ? -1 : 1) : a.atA - b.atA
  })
  const numbers = new Map<string, number>()
  const numberOf = (path: string) => {
    const number = numbers.get(path) ?? numbers.size
    numbers.set(path, number)
    return number
  }
  const parts: number[] = []
  const ends: number[] = []
  let cost = 0
  for (const pair of order) {
    const { pathA, atA, pathB, atB, size } = pairs[pair]!
    for (let from = 0; from < size; from += portionSize) {
      const length = Math.min(size - from, portionSize)
      parts.push(pair, length, numberOf(pathA), atA + from, numberOf(pathB), atB + from)
      cost += length + partCost
      if (cost < portionSize) continue
      ends.push(parts.length / partLength)
      cost = 0
    }
  }
  const count = parts.length / partLength
  return {
    paths: [...numbers.keys()].map(systemPath),
    parts: Float64Array.from(parts),
    ends: Uint32Array.from([...ends, count]),
    next: new Int32Array(new SharedArrayBuffer(4)),
    same: new Uint8Array(new SharedArrayBuffer(count)),
    different: new Uint8Array(new SharedArrayBuffer(pairs.length)),
  }
}

/** Starts another thread with the job. Should it fail, the parts that it has taken stay unread. */
async function startHelper(job: Job) {
  const worker = await startWorker(compareParts, job)
  const done = new Promise<void>((resolve) => {
    worker.on('error', () => resolve()).on('exit', () => resolve())
  })
  return { done, end: () => void worker.terminate() }
}

/**
 * Compares parts until a time, or until none is left; returns whether there may be more. Runs in the other thread as well, as text, so
 * it must be self-contained.
 */
function compareParts({ paths, parts, ends, next, same, different }: Job, until = Number.POSITIVE_INFINITY): boolean {
  const { closeSync, openSync, readSync } = process.getBuiltinModule('node:fs')
  // Small extents lie next to each other, so more is read than one of them.
  const windowOf = () => ({ bytes: Buffer.allocUnsafeSlow(1 << 18), path: -1, at: 0, length: 0 })
  const [left, right] = [windowOf(), windowOf()]
  const fds = new Map<number, number>()
  const find = (window: ReturnType<typeof windowOf>, path: number, at: number): number => {
    if (window.path === path && at >= window.at && at < window.at + window.length) return at - window.at
    window.length = 0
    const fd = fds.get(path) ?? openSync(paths[path]!, 'r')
    fds.set(path, fd)
    const length = readSync(fd, window.bytes, 0, window.bytes.length, at)
    if (length === 0) throw new RangeError('the file is too short')
    Object.assign(window, { path, at, length })
    return 0
  }
  const isSame = (part: number): boolean => {
    const [size, pathA, atA] = [parts[part + 1]!, parts[part + 2]!, parts[part + 3]!]
    const [pathB, atB] = [parts[part + 4]!, parts[part + 5]!]
    for (let done = 0; done < size; ) {
      const x = find(left, pathA, atA + done)
      const y = find(right, pathB, atB + done)
      const count = Math.min(size - done, left.length - x, right.length - y)
      if (left.bytes.compare(right.bytes, y, y + count, x, x + count) !== 0) return false
      done += count
    }
    return true
  }
  const partLength = parts.length / same.length
  const compare = (i: number): void => {
    const part = i * partLength
    const pair = parts[part]!
    if (different[pair] === 1) return
    try {
      if (isSame(part)) same[i] = 1
      else different[pair] = 1
    } catch {}
  }
  try {
    while (process.uptime() * 1000 < until) {
      const portion = Atomics.add(next, 0, 1)
      if (portion >= ends.length) return false
      for (let i = portion === 0 ? 0 : ends[portion - 1]!; i < ends[portion]!; i++) compare(i)
    }
    return true
  } finally {
    for (const fd of fds.values()) closeSync(fd)
  }
}

function outcomesOf(pairs: readonly ExtentPair[], { parts, same, different }: Job): readonly ExtentOutcome[] {
  const outcomes: ExtentOutcome[] = pairs.map(() => 'same')
  for (const [i, isSame] of same.entries()) if (isSame === 0) outcomes[parts[i * partLength]!] = 'unread'
  return outcomes.map((outcome, pair) => (different[pair] === 1 ? 'different' : outcome))
}
