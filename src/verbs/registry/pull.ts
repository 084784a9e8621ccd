import type { PullAllResult, PullOptions, PullResult } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { pullImage } from '../../images/ingest/index.ts'
import { openRepository } from '../../images/transports/index.ts'
import { familiarRepository, parseReference } from '../../oci/index.ts'
import { TareError, type TareErrorCode } from '../../support/index.ts'

/** Pulls an image from a registry into the store. */
export async function pull(host: Host, options: PullOptions): Promise<PullResult> {
  return pullImage(host, options)
}

// Not a container image, or not for the platform; or the tag was deleted after being listed.
const passedOver = new Set<TareErrorCode>([
  'MANIFEST_UNSUPPORTED',
  'MANIFEST_INVALID',
  'MANIFEST_AMBIGUOUS',
  'CONFIG_INVALID',
  'DESCRIPTOR_INVALID',
  'DIGEST_INVALID',
  'PLATFORM_MISSING',
  'IMAGE_UNKNOWN',
  'REFERENCE_INVALID',
])

/** Pulls every tag of a repository. Artifacts, and tags deleted meanwhile, are skipped and reported. */
export async function pullAll(host: Host, options: PullOptions): Promise<PullAllResult> {
  const repository = parseReference(options.name)
  const registry = await openRepository(host, repository, options)
  const pulled: PullResult[] = []
  const skipped: { name: string; why: string }[] = []
  try {
    for (const tag of [...(await registry.tags())].sort()) {
      const name = `${familiarRepository(repository)}:${tag}`
      try {
        pulled.push(await pullImage(host, { ...options, name }))
      } catch (error) {
        if (options.signal?.aborted || !(error instanceof TareError) || !passedOver.has(error.code)) throw error
        skipped.push({ name, why: error.message })
      }
    }
  } finally {
    registry.close()
  }
  return { pulled, skipped }
}
