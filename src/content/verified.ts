import type { Descriptor } from '../oci/index.ts'
import { type Bytes, Gauge, TareError } from '../support/index.ts'

/**
 * Passes the bytes of a blob through while they are what `blob` says. Throws `BLOB_CORRUPT` before it hands on a byte
 * too many, or at the end when one is missing or different. `where` ends the sentence: `the blob … in app.tar is …`.
 */
export async function* verified(bytes: Bytes, blob: Descriptor, where = ''): Bytes {
  const gauge = new Gauge()
  for await (const chunk of bytes) {
    if (gauge.size + chunk.length > blob.size) throw corrupt(blob, where, `is longer than its ${blob.size} bytes`)
    gauge.add(chunk)
    yield chunk
  }
  if (gauge.size < blob.size) throw corrupt(blob, where, `has only ${gauge.size} of its ${blob.size} bytes`)
  if (gauge.digest() !== blob.digest) throw corrupt(blob, where, 'does not have the bytes of its digest')
}

function corrupt(blob: Descriptor, where: string, why: string): TareError {
  return new TareError('BLOB_CORRUPT', `the blob ${blob.digest}${where === '' ? '' : ` in ${where}`} ${why}`, {
    remedy: 'The bytes changed after the image was made, or were cut short: fetch or save the image again.',
  })
}
