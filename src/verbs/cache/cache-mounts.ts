import { createReadStream } from 'node:fs'
import type { CacheMountSummary, CallOptions, ExportMountsOptions, ImportMountsOptions } from '../../api/index.ts'
import type { StoredCache } from '../../builder/sandbox/index.ts'
import { runStorage } from '../../builder/session/index.ts'
import { openFileOutput } from '../../content/archive/index.ts'
import { type Compression, compress, decompress } from '../../files/compression/index.ts'
import { type Host, unpackLimit } from '../../images/index.ts'
import { systemCode, TareError } from '../../support/index.ts'

/** Lists the cache mounts of RUN, by id. */
export async function cacheMounts(host: Host, { signal }: CallOptions = {}): Promise<readonly CacheMountSummary[]> {
  return (await runStorage(host, signal).caches()).map(summaryOf)
}

function summaryOf({ id, size, used }: StoredCache): CacheMountSummary {
  return { id, size, used: new Date(used).toISOString() }
}

/** Writes cache mounts to a file, compressed according to its extension. */
export async function exportMounts(
  host: Host,
  { to, ids = [], signal }: ExportMountsOptions,
): Promise<readonly CacheMountSummary[]> {
  const compression = compressionOf(to)
  const { caches, bytes } = await runStorage(host, signal).send(ids)
  const output = await openFileOutput(to)
  try {
    for await (const chunk of compress(bytes, compression)) {
      signal?.throwIfAborted()
      await output.write(chunk)
    }
    await output.finish()
  } catch (error) {
    await output.discard()
    throw error
  }
  return caches.map(summaryOf)
}

/** Reads cache mounts from a file, replacing those with the same ids. Returns the ids. */
export async function importMounts(host: Host, { from, signal }: ImportMountsOptions): Promise<readonly string[]> {
  const release = host.store.lease()
  const file = createReadStream(from, signal === undefined ? {} : { signal })
  try {
    await new Promise<void>((resolve, reject) => file.once('open', () => resolve()).once('error', reject))
    const { bytes } = await decompress(file, unpackLimit(host))
    return await runStorage(host).receive(bytes)
  } catch (cause) {
    signal?.throwIfAborted()
    if (systemCode(cause) === 'ENOENT' || systemCode(cause) === 'EISDIR' || systemCode(cause) === 'EACCES')
      throw new TareError('ARCHIVE_UNREADABLE', `cannot read ${from}: ${(cause as Error).message}`, { cause })
    throw cause
  } finally {
    file.destroy()
    release()
  }
}

/** Returns the compression for a file name's extension. Throws `OPTION_INVALID`. */
function compressionOf(path: string): Compression {
  if (/\.(?:tar\.zst|tzst|zst)$/i.test(path)) return 'zstd'
  if (/\.(?:tar\.gz|tgz|gz)$/i.test(path)) return 'gzip'
  if (/\.tar$/i.test(path)) return 'none'
  throw new TareError('OPTION_INVALID', `the extension of ${path} does not say how to compress it`, {
    remedy: 'Use the extension .tar.zst, .tar.gz or .tar.',
  })
}
