import { expect, test } from 'vitest'
import { mediaTypes } from '../oci/index.ts'
import { type Bytes, collect, flow, sha256 } from '../support/index.ts'
import { passedOn, verified } from './verified.ts'

const bytes = Buffer.from('all of it')
const blob = { mediaType: mediaTypes.layer, digest: sha256(bytes), size: bytes.length }

async function* wrapped(inner: Bytes): Bytes {
  yield* inner
}

test('bytes that are checked already are not checked again, also when they were passed on', () => {
  const once = verified(flow(bytes), blob)
  expect(verified(once, blob)).toBe(once)
  const further = passedOn(wrapped(once), once)
  expect(verified(further, blob)).toBe(further)
})

test('bytes that were checked as something else, or that nobody has checked, are', async () => {
  const once = verified(flow(bytes), blob)
  await expect(collect(verified(once, { ...blob, size: 5 }), 100)).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  const unchecked = flow(bytes)
  const further = passedOn(wrapped(unchecked), unchecked)
  const other = { ...blob, digest: sha256('other') }
  await expect(collect(verified(further, other), 100)).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  const silent = wrapped(verified(flow(bytes), blob))
  expect(verified(silent, blob)).not.toBe(silent)
})

test.each([
  ['one too many', Buffer.from('all of it!')],
  ['one missing', Buffer.from('all of i')],
  ['another', Buffer.from('all of It')],
])('a byte is told: %s', async (_, wrong) => {
  const twice = verified(verified(flow(wrong), blob), blob)
  await expect(collect(twice, 100)).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
})
