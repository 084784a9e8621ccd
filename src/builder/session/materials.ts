import { formatPlatform, type formatReference, hexOf } from '../../oci/index.ts'
import { type Material, publicAddress } from '../attestations/index.ts'
import type { BaseImage, GitOperation, Operation, Plan } from '../plan/index.ts'

/** What a build has taken from outside, with digests: for its provenance. */
export class Materials {
  private readonly found = new Map<string, Material>()
  /** Those that belong to no step: contexts and Dockerfiles, by their addresses. */
  private readonly contexts = new Map<string, Material>()

  addFile(url: string, digest: `sha256:${string}`, isContext = false): void {
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
  of({ operations }: Plan, digestOf: (base: BaseImage) => `sha256:${string}`): readonly Material[] {
    const all = [
      ...this.contexts.values(),
      ...operations.flatMap((operation) => this.materialOf(operation, digestOf) ?? []),
    ]
    return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()]
  }

  private materialOf(operation: Operation, digestOf: (base: BaseImage) => `sha256:${string}`): Material | undefined {
    switch (operation.kind) {
      case 'image': {
        const { base, name } = operation
        const { platform } = base.config
        return {
          uri: imageUrl(base.reference ?? name, formatPlatform(platform)),
          digest: { sha256: hexOf(digestOf(base)) },
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

/** Returns the package URL of an image, as BuildKit writes it: `pkg:docker/alpine@3.19?platform=linux%2Famd64`. */
export function imageUrl(name: Parameters<typeof formatReference>[0] | string, platform: string): string {
  const query = `?platform=${encodeURIComponent(platform)}`
  if (typeof name === 'string') return `pkg:docker/${encodeURI(name)}${query}`
  const { registry, repository, tag, digest } = name
  const path = registry !== 'docker.io' ? `${registry}/${repository}` : repository.replace(/^library\//, '')
  const version = tag ?? digest
  return `pkg:docker/${path.replaceAll(':', '%3A')}${version === undefined ? '' : `@${version.replaceAll(':', '%3A')}`}${query}`
}
