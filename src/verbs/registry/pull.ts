import type { PullAllResult, PullOptions, PullResult } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { pullImage } from '../../images/ingest/index.ts'
import { openRepository } from '../../images/transports/index.ts'
import { familiarRepository, parseReference } from '../../oci/index.ts'
import { TareError, type TareErrorCode } from '../../support/index.ts'

/** Takes an image of a registry into the store. */
export async function pull(host: Host, options: PullOptions): Promise<PullResult> {
  return pullImage(host, options)
}

// No container image, or not for the platform; or the tag is gone since the list was made.
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

/** Takes every tag of a repository. What is no container image, and what is gone by then, is passed over, and told. */
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
