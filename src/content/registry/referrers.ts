import type { HttpResponse } from '../../net/index.ts'
import { type Descriptor, type Digest, hexOf, mediaTypes, parseIndex } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import type { Connection } from './connection.ts'
import type { Purpose } from './identity.ts'
import { fetchDocument } from './manifests.ts'
import { nextPage } from './tags.ts'

const mostPages = 1000

/**
 * What names a manifest as its subject: signatures, SBOMs and the like. A registry without the referrers API has them under
 * a tag of the digest, which whoever pushed them has kept. (distribution-spec, "Listing Referrers")
 */
export async function fetchReferrers(
  connection: Connection,
  repository: string,
  digest: Digest,
  artifactType: string | undefined,
): Promise<readonly Descriptor[]> {
  const purpose: Purpose = { wish: `list what refers to ${digest} in ${repository}`, repository, actions: 'pull' }
  const found = (await askApi()) ?? (await askTag())
  // Not every registry filters, and a tag never does.
  return artifactType === undefined ? found : found.filter((one) => one.artifactType === artifactType)

  async function askApi(): Promise<readonly Descriptor[] | undefined> {
    const query = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType })}`
    let path: string | URL | undefined = `/v2/${repository}/referrers/${digest}${query}`
    const all: Descriptor[] = []
    for (let page = 0; path !== undefined && page < mostPages; page++) {
      const answer = await fetchDocument(connection, path, purpose).catch((error: unknown) => {
        // Some say 400 or 405 of what they do not know.
        if (page === 0 && error instanceof TareError && error.code === 'REGISTRY_REFUSED') return undefined
        throw error
      })
      // A page for people is no answer either.
      if (answer === undefined || !isIndex(answer.response)) return page === 0 ? undefined : all
      all.push(...parseIndex(answer.bytes, `the referrers of ${digest}`).manifests)
      path = nextPage(answer.response)
    }
    return all
  }

  async function askTag(): Promise<readonly Descriptor[]> {
    const answer = await fetchDocument(connection, `/v2/${repository}/manifests/sha256-${hexOf(digest)}`, purpose)
    // The name may be taken by something else, such as a signature of cosign's.
    if (answer === undefined || !isIndex(answer.response)) return []
    return parseIndex(answer.bytes, `the referrers of ${digest}`).manifests
  }
}

function isIndex({ headers }: HttpResponse): boolean {
  return headers['content-type']?.split(';')[0]?.trim() === mediaTypes.index
}
