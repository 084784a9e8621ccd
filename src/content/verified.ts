import type { Descriptor } from '../oci/index.ts'
import { type Bytes, Gauge, TareError } from '../support/index.ts'

/**
 * Passes the bytes of a blob through while they are what `blob` says. Throws `BLOB_CORRUPT` before it hands on a byte
 * too many, or at the end when one is missing or different. `where` ends the sentence: `the blob … in app.tar is …`.
 */
export function verified(bytes: Bytes, blob: Descriptor, where = ''): Bytes {
  if (checkedAs.get(bytes) === keyOf(blob)) return bytes
  const checked = check(bytes, blob, where)
  checkedAs.set(checked, keyOf(blob))
  return checked
}

// Who hands bytes out checks them, and so does who takes them in. Between the two, once will do.
const checkedAs = new WeakMap<Bytes, string>()

function keyOf({ digest, size }: Descriptor): string {
  return `${digest} ${size}`
}

/** What passes on the bytes of another flow as they are: checked, if that is. */
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
  if (gauge.digest() !== blob.digest) throw corrupt(blob, where, 'does not have the bytes of its digest')
}

function corrupt(blob: Descriptor, where: string, why: string): TareError {
  return new TareError('BLOB_CORRUPT', `the blob ${blob.digest}${where === '' ? '' : ` in ${where}`} ${why}`, {
    remedy: 'The bytes changed after the image was made, or were cut short: fetch or save the image again.',
  })
}
