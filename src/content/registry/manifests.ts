import { contentOf, discard, type HttpResponse, isEncoded, persist } from '../../net/index.ts'
import {
  type Descriptor,
  documentLimit,
  isDigest,
  isIndexType,
  isManifestType,
  kindOfDocument,
  mediaTypes,
  parseDocument,
} from '../../oci/index.ts'
import { type Bytes, collect, flow, sha256, TareError } from '../../support/index.ts'
import { verified } from '../index.ts'
import type { Connection } from './connection.ts'
import { nonsense, refused, wordsOf } from './failure.ts'
import type { Purpose } from './identity.ts'

// All four kinds of manifest. Without this header, registries convert them or return schema 1.
const accept = [mediaTypes.index, mediaTypes.manifest, mediaTypes.dockerList, mediaTypes.dockerManifest].join(', ')

// The statuses with which registries and gateways answer HEAD for something that exists.
const there = [200, 202, 204]

/** Whether a blob is stored among a registry's manifests rather than its blobs. */
export function isDocument({ mediaType }: Pick<Descriptor, 'mediaType'>): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType)
}

/**
 * Returns the descriptor of a manifest by tag or digest; undefined if it does not exist. `shown` is the image's name in messages.
 */
export async function resolveManifest(
  connection: Connection,
  repository: string,
  name: string,
  shown: string,
): Promise<Descriptor | undefined> {
  const path = `/v2/${repository}/manifests/${name}`
  const purpose: Purpose = { action: `read the manifest of ${shown}`, repository, actions: 'pull' }
  // HEAD only saves a download: if a gateway refuses it or sends too little, GET decides.
  const head = await connection.askOptional({ method: 'HEAD', path, headers: { Accept: accept } }, purpose, there)
  if (head !== undefined) discard(head)
  const said = head === undefined ? undefined : describe(head)
  const wanted = isDigest(name) ? name : undefined
  if (said !== undefined && (wanted === undefined || wanted === said.digest)) return said
  const answer = await fetchDocument(connection, path, purpose)
  if (answer === undefined) return undefined
  refusePage(answer, connection, purpose)
  const { bytes, response } = answer
  const digest = sha256(bytes)
  if (wanted !== undefined && wanted !== digest)
    throw new TareError('BLOB_CORRUPT', `the manifest that ${connection.host} sent for ${shown} is ${digest}`)
  return { mediaType: typeOf(response, bytes, purpose.action), digest, size: bytes.length }
}

/** Throws for a page for people: where one has to log in first, it comes in the place of anything. */
function refusePage({ bytes }: FetchedDocument, connection: Connection, purpose: Purpose): void {
  if (/^(?:\xef\xbb\xbf)?\s*</.test(bytes.toString('latin1', 0, 256)))
    throw nonsense(connection.attempt(purpose), 'answers with a web page')
}

/** Returns a manifest's bytes, verified. Rejects with `BLOB_MISSING` and `BLOB_CORRUPT`. */
export async function readManifest(connection: Connection, repository: string, blob: Descriptor): Promise<Buffer> {
  const path = `/v2/${repository}/manifests/${blob.digest}`
  const purpose: Purpose = { action: `read the manifest ${blob.digest} of ${repository}`, repository, actions: 'pull' }
  const answer = await fetchDocument(connection, path, purpose)
  if (answer === undefined)
    throw new TareError('BLOB_MISSING', `${connection.host}/${repository} does not have the manifest ${blob.digest}`)
  refusePage(answer, connection, purpose)
  return collect(verified(flow(answer.bytes), blob, `${connection.host}/${repository}`), documentLimit)
}

/** Whether the repository has the manifest; false if unknown. With `push`, uses the token for the upload that may follow. */
export async function hasManifest(
  connection: Connection,
  repository: string,
  { digest }: Descriptor,
  push = false,
): Promise<boolean> {
  const path = `/v2/${repository}/manifests/${digest}`
  const actions = push ? 'pull,push' : 'pull'
  const purpose: Purpose = { action: `look for ${digest} in ${repository}`, repository, actions }
  const response = await connection.askOptional({ method: 'HEAD', path, headers: { Accept: accept } }, purpose, there)
  if (response !== undefined) discard(response)
  return response !== undefined
}

// Statuses of registries that do not support a kind of manifest, besides 415.
const refusedKinds = new Set([400, 404, 405, 406, 415, 422])

/**
 * Uploads a manifest under a tag or its digest. Returns whether the registry keeps the list of the subject's referrers. Rejects
 * with `MANIFEST_REFUSED` if it does not accept such a manifest.
 */
export async function putManifest(
  connection: Connection,
  repository: string,
  name: string,
  blob: Descriptor,
  bytes: Buffer,
): Promise<{ readonly listsReferrers: boolean }> {
  const purpose: Purpose = { action: `push the manifest ${name} to ${repository}`, repository, actions: 'pull,push' }
  const path = `/v2/${repository}/manifests/${name}`
  const headers = { 'Content-Type': blob.mediaType }
  const expected = [200, 201, 202, 204, ...refusedKinds]
  const response = await connection.ask({ method: 'PUT', path, headers, body: () => bytes }, purpose, expected)
  if (refusedKinds.has(response.status)) throw await refusal(connection, purpose, response, blob)
  discard(response)
  const digest = response.headers['docker-content-digest']
  if (digest !== undefined && isDigest(digest) && digest !== blob.digest)
    throw nonsense(connection.attempt(purpose), `stored it as ${digest}, not as ${blob.digest}`)
  return { listsReferrers: response.headers['oci-subject'] !== undefined }
}

async function refusal(connection: Connection, purpose: Purpose, response: HttpResponse, { mediaType }: Descriptor) {
  const words = await wordsOf(response)
  const error = refused(connection.attempt(purpose), response.status, words)
  const isOfKind = response.status === 415 || /\b(?:MANIFEST_INVALID|UNSUPPORTED)\b/.test(words)
  if (!isOfKind) return error
  const isOci = mediaType === mediaTypes.manifest || mediaType === mediaTypes.index
  const remedy = isOci
    ? 'It may accept only Docker’s manifest format: try --format docker, or oci-mediatypes=false in a build.'
    : error.remedy
  return new TareError('MANIFEST_REFUSED', error.message, { remedy, cause: error })
}

export interface FetchedDocument {
  readonly response: HttpResponse
  readonly bytes: Buffer
}

/** Returns a whole document; undefined if it does not exist. Retried if truncated. */
export async function fetchDocument(
  connection: Connection,
  path: string | URL,
  purpose: Purpose,
): Promise<FetchedDocument | undefined> {
  try {
    return await persist(connection.retries, async () => {
      const question = { method: 'GET', path, headers: { Accept: accept } } as const
      const response = await connection.ask(question, purpose, [200, 404])
      if (response.status === 404) {
        discard(response)
        return undefined
      }
      const late = AbortSignal.timeout(Math.max(connection.idleTimeout, 1000))
      return { response, bytes: await collect(until(late, contentOf(response)), documentLimit) }
    })
  } catch (error) {
    if (error instanceof RangeError)
      throw new TareError('MANIFEST_INVALID', `cannot ${purpose.action}: ${connection.host} sends ${error.message}`)
    throw connection.explain(error, purpose)
  }
}

/** Returns a manifest's descriptor from response headers, if they are complete. */
function describe({ headers }: HttpResponse): Descriptor | undefined {
  const digest = headers['docker-content-digest']
  const mediaType = typeNamed({ headers })
  const size = isEncoded({ headers }) ? Number.NaN : Number(headers['content-length'] ?? Number.NaN)
  if (!isDigest(digest) || !isDocument({ mediaType })) return undefined
  return Number.isSafeInteger(size) && size > 0 && size <= documentLimit ? { mediaType, digest, size } : undefined
}

/** Returns the Content-Type without parameters, in lower case; empty if missing. */
export function typeNamed({ headers }: Pick<HttpResponse, 'headers'>): string {
  return headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? ''
}

function typeOf({ headers }: HttpResponse, bytes: Buffer, action: string): string {
  const what = action.replace(/^read /, '')
  const raw = parseDocument(bytes, what)
  const header = typeNamed({ headers }) || undefined
  const kind = kindOfDocument(raw, what, header)
  const said = raw['mediaType'] ?? header
  if (typeof said === 'string' && isDocument({ mediaType: said })) return said
  if (kind === 'index') return mediaTypes.index
  if (kind === 'manifest' && raw['schemaVersion'] === 2) return mediaTypes.manifest
  throw new TareError('MANIFEST_UNSUPPORTED', `cannot ${action}: it is of the type ${String(said)}`, {
    remedy:
      raw['schemaVersion'] === 1
        ? 'It uses the obsolete schema 1: push the image again with a current Docker.'
        : 'It is not a container image.',
  })
}

async function* until(late: AbortSignal, bytes: Bytes): Bytes {
  for await (const chunk of bytes) {
    if (late.aborted) throw Object.assign(new Error('the transfer was too slow'), { code: 'ETIMEDOUT' })
    yield chunk
  }
}
