import { TareError } from '../support/index.ts'

/** A SHA-256 digest: `sha256:` and 64 lower-case hex digits. (image-spec, descriptor.md, "Digests") */
export type Digest = `sha256:${string}`

const pattern = /^sha256:[0-9a-f]{64}$/

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && pattern.test(text)
}

/** Parses a digest. Throws `DIGEST_INVALID` if it is not SHA-256. */
export function parseDigest(text: unknown, what = 'digest'): Digest {
  if (isDigest(text)) return text
  throw new TareError('DIGEST_INVALID', `${what} is not a sha256 digest: ${JSON.stringify(text)}`, {
    remedy: 'tare reads and writes sha256 digests only.',
  })
}

/** Returns the 64 hex digits. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length)
}
