import type { CacheDestination, CacheSource } from '../index.ts'
import { flag, list, oneOf, required, text, variants, whole } from './check-options.ts'

// The caches of a build that travel.

const texts = list(text)
const name = required(text)
const path = { path: name }
const github = { scope: text, url: text, token: text, timeout: whole(0) }
const cacheExport = {
  mode: oneOf('min', 'max'),
  ignoreError: flag,
  sign: text,
  mounts: flag,
  mountIds: texts,
  mountsMax: whole(0),
  compression: oneOf('gzip', 'zstd'),
  compressionLevel: whole(1),
}

export const cacheSources = list(
  variants<CacheSource>('type', {
    registry: { ref: name, insecure: flag, verify: text, mounts: flag },
    local: { ...path, tag: text, digest: text, verify: text, mounts: flag },
    gha: { ...github, verify: text, mounts: flag },
  }),
)

export const cacheDestinations = list(
  variants<CacheDestination>('type', {
    registry: {
      ...cacheExport,
      ref: name,
      insecure: flag,
      imageManifest: flag,
      ociMediaTypes: flag,
      overwrite: flag,
    },
    local: { ...cacheExport, ...path, tag: text },
    gha: { ...cacheExport, ...github },
    inline: {},
  }),
)
