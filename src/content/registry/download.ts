import { discard, type HttpResponse, mayPass, pause } from '../../net/index.ts'
import type { Descriptor } from '../../oci/index.ts'
import { type Bytes, TareError } from '../../support/index.ts'
import { verified } from '../index.ts'
import type { Connection } from './connection.ts'
import type { Purpose } from './identity.ts'

/**
 * Returns a blob's bytes, verified; see `readBlob`. Rejects with `BLOB_MISSING` before the first byte, later with `BLOB_CORRUPT`.
 */
export async function download(connection: Connection, repository: string, blob: Descriptor): Promise<Bytes> {
  return verified(await readBlob(connection, repository, blob, 0), blob, `${connection.host}/${repository}`)
}

/**
 * Returns a blob's bytes from an offset, not verified. Resumes with a Range request after a broken connection, as often as data
 * keeps coming. Rejects with `BLOB_MISSING` before the first byte.
 */
export async function readBlob(
  connection: Connection,
  repository: string,
  blob: Descriptor,
  from: number,
): Promise<Bytes> {
  const purpose: Purpose = { action: `read ${blob.digest} of ${repository}`, repository, actions: 'pull' }
  return resumed(connection, purpose, blob, from, await ask(connection, purpose, blob, from))
}

async function* resumed(
  connection: Connection,
  purpose: Purpose,
  blob: Descriptor,
  from: number,
  first: HttpResponse,
): Bytes {
  let response = first
  let at = from
  let tries = 1
  let askedForAll = false
  for (;;) {
    const before = at
    let failure: unknown
    // The server may ignore Range and send everything.
    let skip = response.status === 206 ? 0 : at
    try {
      for await (const chunk of paced(response, connection)) {
        const rest = chunk.subarray(Math.min(skip, chunk.length))
        skip -= chunk.length - rest.length
        at += rest.length
        if (rest.length > 0) yield rest
        if (at > blob.size) return
      }
    } catch (error) {
      if (connection.retries.signal?.aborted) throw connection.retries.signal.reason
      if (!mayPass(error)) throw connection.explain(error, purpose, response.url.host)
      failure = error
    }
    if (at >= blob.size) return
    tries = at > before ? 1 : tries + 1
    if (tries > connection.retries.attempts) {
      // The registry claims to be finished; verification will find what is missing.
      if (failure === undefined) return
      throw connection.explain(failure, purpose, response.url.host)
    }
    await pause(connection.retries, tries)
    response = await ask(connection, purpose, blob, at)
    if (response.status === 416) {
      discard(response)
      // Some servers offer ranges and refuse them all. Others have no more than they sent.
      if (askedForAll || response.headers['content-range'] === `bytes */${at}`) return
      askedForAll = true
      response = await askForAll(connection, purpose, blob)
    }
  }
}

async function ask(connection: Connection, purpose: Purpose, blob: Descriptor, from: number): Promise<HttpResponse> {
  const path = pathOf(purpose, blob)
  const headers = from === 0 ? {} : { Range: `bytes=${from}-` }
  const response = await connection.ask({ method: 'GET', path, headers }, purpose, [200, 206, 404, 416])
  if (response.status === 404) {
    discard(response)
    throw new TareError(
      'BLOB_MISSING',
      `${connection.host}/${purpose.repository} does not have the blob ${blob.digest}`,
      {
        remedy: 'The repository is damaged, or was cleaned up: push the image there again.',
      },
    )
  }
  if (response.status === 206 && !response.headers['content-range']?.startsWith(`bytes ${from}-`)) {
    discard(response)
    return askForAll(connection, purpose, blob)
  }
  return response
}

function askForAll(connection: Connection, purpose: Purpose, blob: Descriptor): Promise<HttpResponse> {
  return connection.ask({ method: 'GET', path: pathOf(purpose, blob) }, purpose, [200])
}

function pathOf({ repository }: Purpose, { digest }: Descriptor): string {
  return `/v2/${repository}/blobs/${digest}`
}

// Below this the server is stalling, or the connection is useless.
const leastBytesPerWindow = 16 << 10

/** Yields the body's chunks. A body that only trickles counts as a broken connection. */
async function* paced({ body }: HttpResponse, { idleTimeout }: Connection): AsyncIterable<Uint8Array> {
  let since = Date.now()
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    const asked = Date.now()
    if (asked - since > idleTimeout) {
      if (bytes < leastBytesPerWindow)
        throw Object.assign(new Error(`only ${bytes} bytes came in ${idleTimeout / 1000} seconds`), {
          code: 'ETIMEDOUT',
        })
      since = asked
      bytes = 0
    }
    yield chunk
    // Excludes the time spent on our side.
    since += Date.now() - asked
  }
}
