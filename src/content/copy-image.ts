import {
  type Descriptor,
  type Digest,
  documentLimit,
  formatReference,
  isForeignLayer,
  isIndexType,
  parseIndex,
  parseManifest,
  type Reference,
  refuseTower,
} from '../oci/index.ts'
import { type Bytes, collect, flow, type Reporter, silent, startTransfer, TareError } from '../support/index.ts'
import type { Source, Target } from './types.ts'
import { passedOn, verified } from './verified.ts'

export interface CopyImageOptions {
  /** Cancels the copy between two chunks; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Receives `transfer` events for each blob: when it starts, about every MiB, and when it ends. */
  readonly report?: Reporter | undefined
  /** How many blobs of an image are copied at once. Default: 1. */
  readonly atOnce?: number | undefined
}

/**
 * Copies an image, or an index with all its images, from a source to a target. Children come before parents, so that the target
 * never holds a manifest without its blobs; blobs the target already has are not read. `name` is a name known to `from`, or the
 * manifest or index itself. With `as`, the copy gets that name; otherwise it gets none.
 *
 * Resolves to the descriptor that was copied. Rejects with `IMAGE_UNKNOWN` if `from` does not know the name, and with
 * `BLOB_MISSING` and `BLOB_CORRUPT`.
 */
export async function copyImage(
  from: Source,
  name: Reference | Descriptor,
  to: Target,
  as?: Reference,
  options: CopyImageOptions = {},
): Promise<Descriptor> {
  const root = 'repository' in name ? await from.resolve(name) : name
  if (root === undefined)
    throw new TareError('IMAGE_UNKNOWN', `there is no image ${formatReference(name as Reference)}`, {
      remedy: '`tare images` lists the names.',
    })
  await copyDocument(
    root,
    {
      from,
      to,
      signal: options.signal,
      report: options.report ?? silent,
      atOnce: options.atOnce ?? 1,
      done: new Set(),
    },
    0,
  )
  if (as !== undefined) await to.tag(as, root)
  return root
}

interface Copy {
  readonly from: Source
  readonly to: Target
  readonly signal: AbortSignal | undefined
  readonly report: Reporter
  readonly atOnce: number
  /** Documents already copied with everything they refer to. */
  readonly done: Set<Digest>
}

async function copyDocument(blob: Descriptor, copy: Copy, depth: number): Promise<void> {
  copy.signal?.throwIfAborted()
  if (copy.done.has(blob.digest)) return
  const what = `the manifest ${blob.digest}`
  if (blob.size > documentLimit)
    throw new TareError('MANIFEST_INVALID', `${what} is larger than ${documentLimit} bytes`)
  const json = await collect(verified(await copy.from.open(blob), blob), documentLimit)
  if (isIndexType(blob.mediaType)) {
    refuseTower(depth, what)
    for (const child of parseIndex(json, what).manifests) await copyDocument(child, copy, depth + 1)
  } else {
    const manifest = parseManifest(json, what)
    const own = manifest.layers.filter(({ mediaType }) => !isForeignLayer(mediaType))
    await copyBlobs([...own, manifest.config], copy)
  }
  if (!(await copy.to.has(blob))) await copy.to.put(blob, async () => flow(json))
  copy.done.add(blob.digest)
}

async function copyBlobs(blobs: readonly Descriptor[], copy: Copy): Promise<void> {
  // An image may contain a layer twice; it is written once.
  const rest = [...new Map(blobs.map((blob) => [blob.digest, blob])).values()]
  let failed = false
  const work = async () => {
    for (let blob = rest.shift(); blob !== undefined && !failed; blob = rest.shift())
      await copyBlob(blob, copy).catch((error: unknown) => {
        failed = true
        throw error
      })
  }
  // After a failure, waits for the other transfers, so that nothing is written after the promise has settled.
  const ends = await Promise.allSettled(Array.from({ length: Math.min(copy.atOnce, rest.length) }, work))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

async function copyBlob(blob: Descriptor, { from, to, signal, report }: Copy): Promise<void> {
  signal?.throwIfAborted()
  const transfer = startTransfer(blob.digest, blob.size, report, 'copying')
  if (await to.has(blob)) return transfer.done('existing')
  await to.put(blob, async () => {
    const bytes = await from.open(blob)
    return passedOn(interruptible(transfer.watch(bytes, 'copying', blob.size), signal), bytes)
  })
  transfer.done('transferred')
}

async function* interruptible(bytes: Bytes, signal: AbortSignal | undefined): Bytes {
  for await (const chunk of bytes) {
    signal?.throwIfAborted()
    yield chunk
  }
}
