import type { Bytes } from '../../support/index.ts'
import { padding } from './block.ts'
import { truncated } from './damage.ts'
import { headerOf, type Writable } from './entry.ts'
import { type Found, findEntry } from './find-entry.ts'
import { Supply } from './supply.ts'
import type { TarEntry } from './types.ts'

/**
 * The entries of a tar archive, as they flow by. A body can be read until the next entry is asked for; what is left of
 * it is then skipped. Behind the end marker the bytes are read to their end and ignored, so that whoever measures or
 * decompresses them sees them all. Throws a TareError `TAR_…` where the archive is damaged or cut short.
 */
export async function* readTar(bytes: Bytes): AsyncGenerator<TarEntry> {
  const supply = new Supply(bytes)
  try {
    for (;;) {
      const walk = findEntry(supply.position)
      let step = walk.next()
      while (!step.done) step = walk.next(supply.takeNow(step.value) ?? (await supply.take(step.value)))
      const found = step.value
      if (found === undefined) break
      const entry = headerOf(found) as Writable<TarEntry> | undefined
      if (entry !== undefined) {
        entry.body = entry.kind === 'file' ? bodyOf(found, supply) : nothing
        yield entry
      }
      supply.turn += 1
      const end = found.bodyAt + found.stored
      if (!supply.skipNow(end - supply.position)) await supply.skip(end - supply.position)
      if (supply.position < end) throw truncated(supply.position, `the body of "${found.draft.path}"`)
      // An archive may stop short in the padding, as for Go.
      const rest = padding(found.stored)
      if (!supply.skipNow(rest)) await supply.skip(rest)
    }
    await supply.skip(Number.POSITIVE_INFINITY)
  } finally {
    await supply.close()
  }
}

const nothing: Bytes = { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }) }

function bodyOf(found: Found, supply: Supply): Bytes {
  return found.stretches === undefined ? plainBody(supply, found, supply.turn) : sparseBody(supply, found, supply.turn)
}

async function* plainBody(supply: Supply, found: Found, turn: number): Bytes {
  yield* piecesUntil(supply, found, turn, found.bodyAt + found.stored)
}

const zeros = Buffer.alloc(64 * 1024)

async function* sparseBody(supply: Supply, found: Found, turn: number): Bytes {
  let position = 0
  let at = found.bodyAt
  for (const stretch of found.stretches ?? []) {
    yield* hole(stretch.position - position)
    at += stretch.length
    yield* piecesUntil(supply, found, turn, at)
    position = stretch.position + stretch.length
  }
  yield* hole(found.draft.size - position)
}

function* hole(length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= zeros.length) yield left < zeros.length ? zeros.subarray(0, left) : zeros
}

async function* piecesUntil(supply: Supply, found: Found, turn: number, end: number): Bytes {
  for (;;) {
    if (supply.turn !== turn || supply.position > end) {
      throw new Error(`the body of "${found.draft.path}" was read after the next entry had been asked for`)
    }
    if (supply.position === end) return
    const piece = supply.pieceNow(end - supply.position) ?? (await supply.piece(end - supply.position))
    if (piece === undefined) throw truncated(supply.position, `the body of "${found.draft.path}"`)
    yield piece
  }
}
