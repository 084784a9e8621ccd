import { contentOf, discard, type HttpResponse } from '../../net/index.ts'
import { documentLimit, parseDocument } from '../../oci/index.ts'
import { collect, TareError } from '../../support/index.ts'
import type { Connection } from './connection.ts'
import { nonsense } from './failure.ts'
import type { Purpose } from './identity.ts'
import { type FetchedDocument, fetchDocument } from './manifests.ts'

const mostPages = 1000

/** Returns all tags of a repository, in the registry's order. */
export async function listTags(connection: Connection, repository: string): Promise<readonly string[]> {
  const purpose: Purpose = { action: `list the tags of ${repository}`, repository, actions: 'pull' }
  const tags: string[] = []
  let path: string | URL | undefined = `/v2/${repository}/tags/list?n=1000`
  for (let page = 0; path !== undefined; page++) {
    if (page === mostPages) throw nonsense(connection.attempt(purpose), `has more than ${mostPages} pages of tags`)
    const answer: FetchedDocument | undefined = await fetchDocument(connection, path, purpose)
    if (answer === undefined)
      throw new TareError('REGISTRY_NOT_FOUND', `${connection.host} has no repository ${repository}`)
    const raw = parseDocument(answer.bytes, `the tags of ${repository}`)['tags']
    if (Array.isArray(raw)) for (const tag of raw) if (typeof tag === 'string') tags.push(tag)
    path = nextPage(answer.response, `${connection.host}’s list of tags`)
  }
  return tags
}

/** Whether the repository has no tags; false if unknown. */
export async function isEmpty(connection: Connection, repository: string): Promise<boolean> {
  const purpose: Purpose = { action: `look into ${repository}`, repository, actions: 'pull,push' }
  const question = { method: 'GET', path: `/v2/${repository}/tags/list?n=1` } as const
  try {
    const response = await connection.ask(question, purpose, [200, 404])
    if (response.status === 404) {
      discard(response)
      return true
    }
    const bytes = await collect(contentOf(response), documentLimit)
    const { tags } = JSON.parse(bytes.toString('utf8')) as { readonly tags?: unknown }
    return tags === null || (Array.isArray(tags) && tags.length === 0)
  } catch {
    return false
  }
}

/** Returns the target of the Link header. Throws `REGISTRY_INVALID` if it is the page itself, which would never end. */
export function nextPage({ headers, url }: HttpResponse, list: string): URL | undefined {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(String(headers['link'] ?? ''))?.[1]
  const next = target !== undefined && URL.canParse(target, url.href) ? new URL(target, url) : undefined
  if (next?.href === url.href)
    throw new TareError('REGISTRY_INVALID', `a page of ${list} names itself as the next one`, {
      remedy: 'The list would be incomplete, so it is not used. The registry’s operator has to fix this.',
    })
  return next
}
