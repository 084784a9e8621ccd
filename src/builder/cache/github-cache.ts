import { randomBytes } from 'node:crypto'
import type { CacheDestination, GithubCache } from '../../api/index.ts'
import { verified } from '../../content/index.ts'
import type { Host } from '../../images/index.ts'
import { readFrom } from '../../images/rewrite/index.ts'
import { type Descriptor, type Digest, documentLimit } from '../../oci/index.ts'
import { collect, flow, sha256, TareError } from '../../support/index.ts'
import { readDocument, writeDocument } from './document.ts'
import { type GithubService, openGithubService } from './github-service.ts'
import { storeCompressed } from './local-cache.ts'
import type { CacheCall } from './registry-cache.ts'
import { type CacheReader, type CacheWriter, type FoundCache, NoCache } from './storage.ts'

type GithubDestination = Extract<CacheDestination, { type: 'gha' }>

const blobKey = (digest: Digest) => `tare-blob-v1#${digest}`
// Entries cannot be changed: each list of steps is a new one, and the latest counts.
const listPrefix = (scope: string) => `tare-steps-v1#${scope}#`

/** Opens the cache of a GitHub repository for reading. */
export async function openGithubCache(host: Host, options: GithubCache, call: CacheCall): Promise<CacheReader> {
  const { scope = 'tare' } = options
  const service = lazily(host, options, call)
  return {
    label: `gha:${scope}`,
    read: () => readSteps(service(), scope),
    open: async (blob) => verified(await opened(service(), blob), blob, 'the cache of GitHub'),
    has: (blob) => service().has(blobKey(blob.digest)),
    close: async () => service.close(),
  }
}

/** Opens the cache of a GitHub repository to write to it. */
export async function openGithubTarget(host: Host, options: GithubDestination, call: CacheCall): Promise<CacheWriter> {
  const { scope = 'tare' } = options
  const service = lazily(host, options, call)
  return {
    label: `GitHub, scope ${scope}`,
    read: () => readSteps(service(), scope),
    store: async (layer) => {
      await layer.bring()
      return storeCompressed(host, layer, options, call, (blob, file) =>
        service().put(blobKey(blob.digest), blob.size, () => readFrom(file, 0)),
      )
    },
    put: (blob, open) => service().put(blobKey(blob.digest), blob.size, open),
    write: async (document) => {
      const bytes = writeDocument({ ...document, replaced: [] })
      const key = `${listPrefix(scope)}${Date.now()}-${randomBytes(4).toString('hex')}`
      await service().put(key, bytes.length, () => flow(bytes))
      return sha256(bytes)
    },
    // GitHub removes entries that nobody has read for a week.
    remove: async () => {},
    close: async () => service.close(),
  }
}

/** Opens the service when it is first needed, so that a missing variable is told when it matters. */
function lazily(host: Host, options: GithubCache, call: CacheCall): (() => GithubService) & { close(): void } {
  const limit = AbortSignal.timeout(options.timeout ?? 600_000)
  const signal = call.signal === undefined ? limit : AbortSignal.any([call.signal, limit])
  let service: GithubService | undefined
  const open = () => {
    service ??= openGithubService(host, options, { ...call, signal })
    return service
  }
  return Object.assign(open, { close: () => service?.close() })
}

async function readSteps(service: GithubService, scope: string): Promise<FoundCache> {
  const prefix = listPrefix(scope)
  const bytes = await service.open(`${prefix}latest`, prefix)
  if (bytes === undefined) throw new NoCache('there is none', true)
  const text = await collect(bytes, documentLimit)
  try {
    return { document: readDocument(text), manifest: sha256(text) }
  } catch (error) {
    throw new NoCache(`it is damaged: ${(error as Error).message}`, true)
  }
}

async function opened(service: GithubService, { digest }: Descriptor) {
  const bytes = await service.open(blobKey(digest))
  if (bytes !== undefined) return bytes
  throw new TareError('BLOB_MISSING', `the cache of GitHub does not have ${digest}`)
}
