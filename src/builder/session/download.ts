import { closeSync, openSync } from 'node:fs'
import type { Host } from '../../images/index.ts'
import { type Digest, hexOf, isDigest } from '../../oci/index.ts'
import { Gauge, sha256, TareError, withoutCredentials, writeWhole } from '../../support/index.ts'
import type { DownloadOperation } from '../plan/index.ts'
import type { Downloaded } from '../solve/index.ts'

/** The result of an earlier download of a URL. */
interface Memory {
  readonly digest: Digest
  readonly size: number
  readonly etag?: string | undefined
  readonly modified?: string | undefined
}

/**
 * Downloads a file into the store, for ADD of a URL. One downloaded before is requested conditionally; one with a known checksum
 * that is in the store is not requested at all. Rejects with `CHECKSUM_MISMATCH` and others.
 */
export async function download(
  host: Host,
  operation: Pick<DownloadOperation, 'url' | 'checksum'>,
  signal: AbortSignal | undefined,
): Promise<Downloaded> {
  const { store, environment, retryDelay } = host
  const key = hexOf(sha256(operation.url))
  const known = recall(host, key)
  if (known !== undefined && operation.checksum === known.digest) return downloaded(host, known)
  const { fetchUrl, parseUrl } = await import('../../net/index.ts')
  const url = parseUrl(operation.url)
  if (url === undefined)
    throw new TareError('DOWNLOAD_FAILED', `cannot fetch ${withoutCredentials(operation.url)}: it is not a valid URL`, {
      remedy: 'Write http://HOST/PATH or https://HOST/PATH.',
    })
  const reservation = store.reserve()
  try {
    const answer = await fetchUrl(url, { environment, known, signal, retryDelay }, (bytes) =>
      writeAndDigest(reservation.path, bytes),
    )
    const { taken = known!, etag, modified } = answer
    if (operation.checksum !== undefined && operation.checksum !== taken.digest)
      throw new TareError('CHECKSUM_MISMATCH', `${operation.url} is ${taken.digest}, not ${operation.checksum}`, {
        remedy: 'The file has changed, or the checksum is wrong. If you trust the file, use its digest as --checksum.',
      })
    if (answer.taken !== undefined) reservation.keep(taken.digest)
    const memory: Memory = { digest: taken.digest, size: taken.size, etag, modified }
    store.records.remember('downloads', key, JSON.stringify(memory))
    return downloaded(host, memory)
  } catch (error) {
    throw store.explain(error)
  } finally {
    reservation.discard()
  }
}

function recall({ store }: Host, key: string): Memory | undefined {
  try {
    const memory = JSON.parse(store.records.recall('downloads', key) ?? '{}') as Memory
    if (!isDigest(memory.digest) || !store.blobs.touch(memory.digest)) return undefined
    return store.blobs.size(memory.digest) === memory.size ? memory : undefined
  } catch {
    return undefined
  }
}

function downloaded({ store }: Host, { digest, size, modified }: Memory): Downloaded {
  const time = modified === undefined ? Number.NaN : Date.parse(modified)
  return { path: store.blobs.path(digest), digest, size, modified: Number.isNaN(time) ? 0 : Math.floor(time / 1000) }
}

async function writeAndDigest(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ digest: Digest; size: number }> {
  const gauge = new Gauge()
  const fd = openSync(path, 'w', 0o644)
  try {
    for await (const chunk of bytes) {
      gauge.add(chunk)
      writeWhole(fd, chunk)
    }
  } finally {
    closeSync(fd)
  }
  return { digest: gauge.digest(), size: gauge.size }
}
