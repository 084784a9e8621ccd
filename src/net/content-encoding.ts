import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Bytes } from '../support/index.ts'
import type { HttpResponse } from './messages.ts'

/**
 * Returns a body without the compression it was sent in: some servers compress although nothing asks them to, such as storage whose
 * files are kept compressed. Only gzip, as in Go's client, which Docker uses. Not for blobs, whose own compression servers may name
 * there.
 */
export function contentOf({ headers, body }: Pick<HttpResponse, 'headers' | 'body'>): Bytes {
  if (!isEncoded({ headers })) return body
  const gunzip = createGunzip()
  // Errors of the body become errors of what is read.
  pipeline(body, gunzip, () => {})
  return gunzip
}

/** Whether the length and the bytes of a body are not those of what it contains. */
export function isEncoded({ headers }: Pick<HttpResponse, 'headers'>): boolean {
  return headers['content-encoding']?.toLowerCase() === 'gzip'
}
