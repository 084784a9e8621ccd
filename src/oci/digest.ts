import { TareError } from '../support/index.ts'

/** The sha256 of some bytes, as `sha256:` and 64 lower-case hex digits. (image-spec, descriptor.md, "Digests") */
export type Digest = `sha256:${string}`

const pattern = /^sha256:[0-9a-f]{64}$/

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && pattern.test(text)
}

/** Throws `DIGEST_INVALID` for anything that is not a sha256 digest. */
export function parseDigest(text: unknown, what = 'digest'): Digest {
  if (isDigest(text)) return text
  throw new TareError('DIGEST_INVALID', `${what} is not a sha256 digest: ${JSON.stringify(text)}`, {
    remedy: 'tare reads and writes sha256 digests only.',
  })
}

/** The 64 hex digits. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length)
}
