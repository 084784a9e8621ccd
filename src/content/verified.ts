import type { Descriptor } from '../oci/index.ts'
import { type Bytes, Gauge, TareError } from '../support/index.ts'

/**
 * Passes a blob's bytes through while verifying them. Throws `BLOB_CORRUPT` before returning a byte too many, or at the end if
 * any is missing or different. `where` completes the sentence: `the blob … in app.tar is …`.
 */
export function verified(bytes: Bytes, blob: Descriptor, where = ''): Bytes {
  if (checkedAs.get(bytes) === keyOf(blob)) return bytes
  const checked = check(bytes, blob, where)
  checkedAs.set(checked, keyOf(blob))
  return checked
}

// Both the source and the target verify bytes. Between the two, once is enough.
const checkedAs = new WeakMap<Bytes, string>()

function keyOf({ digest, size }: Descriptor): string {
  return `${digest} ${size}`
}

/** Marks a stream that passes on another one unchanged as verified, if that is. */
export function passedOn(flow: Bytes, from: Bytes): Bytes {
  const key = checkedAs.get(from)
  if (key !== undefined) checkedAs.set(flow, key)
  return flow
}

async function* check(bytes: Bytes, blob: Descriptor, where: string): Bytes {
  const gauge = new Gauge()
  for await (const chunk of bytes) {
    if (gauge.size + chunk.length > blob.size) throw corrupt(blob, where, `is longer than its ${blob.size} bytes`)
    gauge.add(chunk)
    yield chunk
  }
  if (gauge.size < blob.size) throw corrupt(blob, where, `has only ${gauge.size} of its ${blob.size} bytes`)
  if (gauge.digest() !== blob.digest) throw corrupt(blob, where, 'does not match its digest')
}

function corrupt(blob: Descriptor, where: string, why: string): TareError {
  return new TareError('BLOB_CORRUPT', `the blob ${blob.digest}${where === '' ? '' : ` in ${where}`} ${why}`, {
    remedy: 'The data was changed or truncated after the image was made: download or save the image again.',
  })
}
