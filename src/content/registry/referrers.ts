import { type Descriptor, type Digest, hexOf, mediaTypes, parseDocument, parseIndex } from '../../oci/index.ts'
import { sha256, TareError } from '../../support/index.ts'
import type { Connection } from './connection.ts'
import { nonsense } from './failure.ts'
import type { Purpose } from './identity.ts'
import { type FetchedDocument, fetchDocument, typeNamed } from './manifests.ts'
import { nextPage } from './tags.ts'

const mostPages = 1000

/**
 * Lists manifests whose subject is this one: signatures, SBOMs and the like. For a registry without the referrers API, reads the
 * list that clients maintain under a tag derived from the digest. (distribution-spec, "Listing Referrers")
 */
export async function fetchReferrers(
  connection: Connection,
  repository: string,
  digest: Digest,
  artifactType: string | undefined,
): Promise<readonly Descriptor[]> {
  const purpose: Purpose = { action: `list what refers to ${digest} in ${repository}`, repository, actions: 'pull' }
  const found = (await askApi()) ?? (await askTag())
  // Not every registry filters, and the tag never does.
  return artifactType === undefined ? found : found.filter((one) => one.artifactType === artifactType)

  async function askApi(): Promise<readonly Descriptor[] | undefined> {
    const query = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType })}`
    let path: string | URL | undefined = `/v2/${repository}/referrers/${digest}${query}`
    const all: Descriptor[] = []
    for (let page = 0; path !== undefined; page++) {
      // A partial list is useless: a signature might be missing.
      if (page === mostPages)
        throw nonsense(connection.attempt(purpose), `has more than ${mostPages} pages of referrers`)
      const answer = await fetchDocument(connection, path, purpose).catch((error: unknown) => {
        // Some registries answer unknown requests with 400 or 405.
        if (page === 0 && error instanceof TareError && error.code === 'REGISTRY_REFUSED') return undefined
        throw error
      })
      // An HTML page is not an answer either.
      if (answer === undefined || !isList(answer)) {
        if (page === 0) return undefined
        throw nonsense(connection.attempt(purpose), `has no page ${page + 1} of the referrers`)
      }
      for (const entry of parseIndex(answer.bytes, `the referrers of ${digest}`).manifests) all.push(entry)
      path = nextPage(answer.response, `${connection.host}’s list of referrers`)
    }
    return all
  }

  async function askTag(): Promise<readonly Descriptor[]> {
    const answer = await fetchReferrersTag(connection, repository, digest)
    // The tag may be used for something else, such as a cosign signature.
    if (answer === undefined || !isList(answer)) return []
    return parseIndex(answer.bytes, `the referrers of ${digest}`).manifests
  }
}

/** Returns the tag for the list in a registry without the referrers API. */
export function referrersTag(subject: Digest): string {
  return `sha256-${hexOf(subject)}`
}

/**
 * Returns the list under a subject's tag; undefined if there is none. Some registries confuse the tag with the digest and return
 * the subject itself.
 */
export async function fetchReferrersTag(
  connection: Connection,
  repository: string,
  subject: Digest,
  actions: 'pull' | 'pull,push' = 'pull',
): Promise<FetchedDocument | undefined> {
  const purpose: Purpose = { action: `list what refers to ${subject} in ${repository}`, repository, actions }
  const answer = await fetchDocument(connection, `/v2/${repository}/manifests/${referrersTag(subject)}`, purpose)
  return answer === undefined || sha256(answer.bytes) === subject ? undefined : answer
}

/** Whether the registry maintains such lists itself. */
export async function hasReferrersApi(connection: Connection, repository: string, digest: Digest): Promise<boolean> {
  const purpose: Purpose = {
    action: `list what refers to ${digest} in ${repository}`,
    repository,
    actions: 'pull,push',
  }
  try {
    const answer = await fetchDocument(connection, `/v2/${repository}/referrers/${digest}`, purpose)
    return answer !== undefined && isList(answer)
  } catch (error) {
    if (error instanceof TareError && error.code === 'REGISTRY_REFUSED') return false
    throw error
  }
}

const vague = new Set(['', 'application/json', 'application/octet-stream', 'text/plain'])

/** Whether a response is such a list: by its type, or by its content if the type says nothing else. */
function isList({ response, bytes }: FetchedDocument): boolean {
  const type = typeNamed(response)
  if (type === mediaTypes.index || !vague.has(type)) return type === mediaTypes.index
  try {
    const { schemaVersion, manifests } = parseDocument(bytes, '')
    return schemaVersion === 2 && (manifests === null || Array.isArray(manifests))
  } catch {
    return false
  }
}
