import { expect, test } from 'vitest'
import { readCacheDestination, readCacheSource } from './cache-flags.ts'

/** Drops what is not given. */
const given = (value: object) => JSON.parse(JSON.stringify(value)) as object

test.each([
  ['user/app:cache', { type: 'registry', ref: 'user/app:cache' }],
  ['type=registry,ref=r/app:c', { type: 'registry', ref: 'r/app:c' }],
  [
    'type=registry,ref=r/app:c,registry.insecure=true,verify=k',
    { type: 'registry', ref: 'r/app:c', insecure: true, verify: 'k' },
  ],
  ['type=local,src=a b', { type: 'local', path: 'a b' }],
  ['type=local,src=d,tag=t,digest=sha256:1', { type: 'local', path: 'd', tag: 't', digest: 'sha256:1' }],
])('--cache-from %s is read as a source', (text, source) => {
  expect(given(readCacheSource(text))).toEqual(source)
})

test.each([
  ['user/app:cache', { type: 'registry', ref: 'user/app:cache' }],
  [
    'type=registry,ref=r/app:c,mode=max,image-manifest=false,oci-mediatypes=0,ignore-error=true,overwrite=true,sign=k',
    {
      ...{ type: 'registry', ref: 'r/app:c', mode: 'max', imageManifest: false, ociMediaTypes: false },
      ...{ ignoreError: true, overwrite: true, sign: 'k' },
    },
  ],
  [
    'type=local,dest=d,tag=t,compression=zstd,compression-level=3',
    { type: 'local', path: 'd', tag: 't', compression: 'zstd', compressionLevel: 3 },
  ],
  [
    'type=local,dest=d,mounts=true,mounts-ids=npm*;go,mounts-max=1g',
    { type: 'local', path: 'd', mounts: true, mountIds: ['npm*', 'go'], mountsMax: 2 ** 30 },
  ],
  ['type=inline', { type: 'inline' }],
  ['type=inline,mode=min', { type: 'inline' }],
])('--cache-to %s is read as a destination', (text, to) => {
  expect(given(readCacheDestination(text))).toEqual(to)
})

test.each<[string, RegExp]>([
  ['type=registry', /--cache-from type=registry needs ref=/],
  ['type=local,dest=d', /needs src=/],
  ['type=local,src=d,mode=max', /type=local,mode=max: there is no key mode$/],
  ['type=s3,bucket=b', /--cache-from type=s3 is not supported/],
  ['type=nothing', /unknown cache type "nothing" in --cache-from/],
  ['ref=r/app', /type is required for --cache-from/],
  ['type=inline', /type=inline is unknown/],
  ['type=registry,ref=x,insecure=perhaps', /non-bool value specified for insecure in --cache-from/],
])('--cache-from %s is refused', (text, message) => {
  expect(() => readCacheSource(text)).toThrow(message)
})

test.each<[string, RegExp]>([
  ['type=registry,mode=max', /--cache-to type=registry needs ref=/],
  ['type=registry,ref=x,mode=all', /invalid mode "all"/],
  ['type=inline,mode=max', /has no mode=max/],
  ['type=local,src=d', /needs dest=/],
  ['type=registry,ref=x,compression=estargz', /compression=estargz is not supported/],
  ['type=azblob', /--cache-to type=azblob is not supported/],
  ['type=registry,ref=x,mounts=true,mounts-max=much', /invalid mounts-max "much"/],
  ['type=registry,ref=x,mounts=true,mounts-max=', /invalid mounts-max ""/],
  ['type=registry,ref=x,mounts-max=1g', /mounts-ids and mounts-max need mounts=true/],
  ['type=registry,ref=x,mounts=false,mounts-ids=npm', /mounts-ids and mounts-max need mounts=true/],
  ['type=registry,ref=x,nonsense=1', /nonsense=1: there is no key nonsense$/],
])('--cache-to %s is refused', (text, message) => {
  expect(() => readCacheDestination(text)).toThrow(message)
})

test('a key that is nearly right is proposed', () => {
  expect(() => readCacheDestination('type=registry,ref=x,image-manifst=true')).toThrow(
    expect.objectContaining({ remedy: 'Did you mean image-manifest?' }),
  )
})
