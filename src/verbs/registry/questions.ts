import type { Referrer, ReferrersOptions, RemoteOptions, RemoveRemoteOptions } from '../../api/index.ts'
import type { Registry } from '../../content/registry/index.ts'
import type { Host } from '../../images/index.ts'
import { choosePlatforms } from '../../images/rewrite/index.ts'
import { openRepository } from '../../images/transports/index.ts'
import {
  type Digest,
  isDigest,
  normalizePlatform,
  parsePlatform,
  parseReference,
  type Reference,
} from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

/** Lists a repository's tags, sorted. */
export async function remoteTags(host: Host, options: RemoteOptions): Promise<readonly string[]> {
  const registry = await openRepository(host, parseReference(options.name), options)
  try {
    return [...(await registry.tags())].sort()
  } finally {
    registry.close()
  }
}

/** Lists the manifests whose subject is an image of a registry. */
export async function referrers(host: Host, options: ReferrersOptions): Promise<readonly Referrer[]> {
  const name = parseReference(options.name)
  const registry = await openRepository(host, name, options)
  try {
    // The image need not exist: its referrers may have been pushed first.
    const digest =
      name.digest !== undefined && options.platform === undefined
        ? name.digest
        : (await chosen(host, registry, name, options)).digest
    const found = await registry.referrers(digest, options.artifactType)
    return found.map(({ digest, mediaType, size, artifactType = '', annotations = {} }) => ({
      ...{ digest, mediaType, size, artifactType, annotations },
    }))
  } finally {
    registry.close()
  }
}

/** Deletes what a name of a registry points to, and with it every tag that points there; or only the tag. Returns the digest. */
export async function removeRemote(host: Host, options: RemoveRemoteOptions): Promise<Digest> {
  const name = parseReference(options.name)
  if (options.tagOnly === true && name.digest !== undefined)
    throw new TareError('OPTION_INVALID', `"${options.name}" has a digest, but --tag-only needs a tag`, {
      remedy: 'Use NAME:TAG.',
    })
  const registry = await openRepository(host, name, options)
  try {
    const blob = await resolved(registry.resolve(name), name, options.name)
    if (options.tagOnly === true) await registry.removeTag(name.tag ?? 'latest')
    else await registry.remove(blob)
    return blob.digest
  } finally {
    registry.close()
  }
}

/** What the name points to, or its image for the platform. */
async function chosen(host: Host, registry: Registry, name: Reference, options: ReferrersOptions) {
  const root = await resolved(registry.resolve(name), name, options.name)
  if (options.platform === undefined) return root
  const platform = normalizePlatform(parsePlatform(options.platform, host.platform))
  return (await choosePlatforms(registry, root, [platform], options.name)).root
}

async function resolved<T>(found: Promise<T | undefined>, name: Reference, text: string): Promise<T> {
  const root = await found
  if (root === undefined)
    throw new TareError(
      'IMAGE_UNKNOWN',
      `there is no ${isDigest(name.digest) ? 'manifest' : 'image'} ${text} in its registry`,
      {
        remedy: '`tare registry ls` shows the tags of a repository.',
      },
    )
  return root
}
