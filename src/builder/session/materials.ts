import {
  type Digest,
  familiarRepository,
  formatPlatform,
  hexOf,
  parseReference,
  type Reference,
} from '../../oci/index.ts'
import { type Material, publicAddress } from '../attestations/index.ts'
import type { BaseImage, GitOperation, Operation, Plan } from '../plan/index.ts'

/** What a build has taken from outside, with digests: for its provenance. */
export class Materials {
  private readonly found = new Map<string, Material>()
  /** Those that belong to no step: contexts and Dockerfiles, by their addresses. */
  private readonly contexts = new Map<string, Material>()

  addFile(url: string, digest: Digest, isContext = false): void {
    const material = { uri: publicAddress(url), digest: { sha256: hexOf(digest) } }
    this.found.set(url, material)
    if (isContext) this.contexts.set(url, material)
  }

  addCommit({ remote, ref }: Pick<GitOperation['source'], 'remote' | 'ref'>, commit: string, context?: string): void {
    const uri = `${publicAddress(remote)}${ref === undefined ? '' : `#${ref}`}`
    const material = { uri, digest: { [commit.length === 64 ? 'sha256' : 'sha1']: commit } }
    this.found.set(JSON.stringify([remote, ref]), material)
    if (context !== undefined) this.contexts.set(context, material)
  }

  /** Returns what the address of a context stood for. */
  context(address: string): Material | undefined {
    return this.contexts.get(address)
  }

  /** Returns what a plan needs, in its order, after the contexts. */
  of({ operations }: Plan, digestOf: (base: BaseImage) => Digest): readonly Material[] {
    const all = [
      ...this.contexts.values(),
      ...operations.flatMap((operation) => this.materialOf(operation, digestOf) ?? []),
    ]
    return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()]
  }

  private materialOf(operation: Operation, digestOf: (base: BaseImage) => Digest): Material | undefined {
    switch (operation.kind) {
      case 'image': {
        const { base, name } = operation
        const { platform } = base.config
        const { layoutDigest } = base
        return {
          uri:
            layoutDigest === undefined
              ? imageUrl(base.reference ?? name, formatPlatform(platform))
              : imageUrl(`${name.split('@', 1)[0]}@${layoutDigest}`, formatPlatform(platform), 'oci'),
          digest: { sha256: hexOf(layoutDigest ?? digestOf(base)) },
        }
      }
      case 'download':
        return this.found.get(operation.url)
      case 'git':
        return this.found.get(JSON.stringify([operation.source.remote, operation.source.ref]))
      default:
        return undefined
    }
  }
}

/**
 * Returns the package URL of an image, as BuildKit writes it: `pkg:docker/alpine@3.19?platform=linux%2Famd64`. What is no name of an
 * image, such as an ID, stays as it is.
 */
export function imageUrl(name: Reference | string, platform: string, type: 'docker' | 'oci' = 'docker'): string {
  const reference = typeof name === 'string' ? referenceOf(name) : name
  const path = reference === undefined ? (name as string) : familiarRepository(reference)
  const { tag, digest } = reference ?? {}
  const version = tag === undefined ? '' : `@${tag}`
  const query = `${digest === undefined ? '' : `digest=${digest}&`}platform=${encodeURIComponent(platform)}`
  return `pkg:${type}/${path.split('/').map(encodeURIComponent).join('/')}${version}?${query}`
}

function referenceOf(text: string): Reference | undefined {
  try {
    return parseReference(text)
  } catch {
    return undefined
  }
}
