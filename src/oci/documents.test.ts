import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256 } from '../support/index.ts'
import {
  descriptorJson,
  goJson,
  hexOf,
  indexJson,
  isDigest,
  kindOfDocument,
  manifestJson,
  mediaTypes,
  openIndex,
  parseDescriptor,
  parseDigest,
  parseImageConfig,
  parseIndex,
  parseManifest,
  sortedMembers,
} from './index.ts'

const digest = sha256('x')
const blob = { mediaType: mediaTypes.layer, digest, size: 5 }

test.each([
  undefined,
  null,
  5,
  '',
  'sha256:abc',
  `sha256:${'A'.repeat(64)}`,
  `sha512:${'a'.repeat(128)}`,
  `${digest} `,
])('%j is no digest', (text) => {
  expect(isDigest(text)).toBe(false)
  expect(() => parseDigest(text, 'the thing')).toThrow(
    expect.objectContaining({ code: 'DIGEST_INVALID', message: expect.stringContaining('the thing') }),
  )
})

test('a digest has 64 hex digits', () => {
  expect(parseDigest(digest)).toBe(digest)
  expect(hexOf(digest)).toBe(digest.slice(7))
})

test.each([
  [null, 'is not a descriptor'],
  [5, 'is not a descriptor'],
  [{ mediaType: 5 }, 'has no valid mediaType'],
  [{ mediaType: 'x' }, 'has no valid size'],
  [{ mediaType: 'x', size: -1 }, 'has no valid size'],
  [{ mediaType: 'x', size: 1.5 }, 'has no valid size'],
  [{ mediaType: 'x', size: 2 ** 60 }, 'has no valid size'],
  [{ mediaType: 'x', size: '5' }, 'has no valid size'],
  [{ mediaType: 'x', size: 5, digest: 'x' }, 'is not a sha256 digest'],
])('%j is no descriptor, and says why', (value, why) => {
  expect(() => parseDescriptor(value, 'layer 3')).toThrow(
    expect.objectContaining({ message: expect.stringMatching(new RegExp(`layer 3.*${why}`)) }),
  )
})

test('a descriptor comes back as it was, with its platform in the usual form', () => {
  const platform = { os: 'linux', architecture: 'arm64', variant: 'v8', 'os.version': '1' }
  const read = parseDescriptor({ ...blob, platform, annotations: { a: '1' }, urls: ['ignored'] }, 'x')
  expect(read).toEqual({
    ...blob,
    platform: { os: 'linux', architecture: 'arm64', osVersion: '1' },
    annotations: { a: '1' },
  })
  expect(Object.keys(descriptorJson(read))).toEqual(['mediaType', 'digest', 'size', 'annotations', 'platform'])
  expect(parseDescriptor(JSON.parse(goJson(descriptorJson(read))), 'x')).toEqual(read)
})

test('manifests and indexes come back as they were, of both families', () => {
  for (const mediaType of [mediaTypes.manifest, mediaTypes.dockerManifest]) {
    const manifest = { mediaType, config: blob, layers: [blob, blob], annotations: { a: '1' } }
    expect(parseManifest(goJson(manifestJson(manifest)), 'x')).toEqual(manifest)
  }
  for (const mediaType of [mediaTypes.index, mediaTypes.dockerList]) {
    const index = { mediaType, manifests: [blob], annotations: { b: '2' } }
    expect(parseIndex(Buffer.from(goJson(indexJson(index))), 'x')).toEqual(index)
  }
})

test('without a media type a document is of the OCI family', () => {
  expect(parseManifest(JSON.stringify({ config: blob, layers: [] }), 'x').mediaType).toBe(mediaTypes.manifest)
  expect(parseIndex('{"manifests":[]}', 'x').mediaType).toBe(mediaTypes.index)
})

test.each([
  ['', 'not JSON'],
  ['{', 'not JSON'],
  ['[]', 'not a JSON object'],
  ['null', 'not a JSON object'],
  ['"x"', 'not a JSON object'],
  ['{}', 'no layers'],
  ['{"layers":5}', 'no layers'],
  [`{"mediaType":"${mediaTypes.index}","layers":[]}`, 'not an image manifest but'],
  ['{"layers":[]}', 'the config of it is not a descriptor'],
  [JSON.stringify({ config: blob, layers: [{}] }), 'layer 0 of it has no valid size'],
])('%j is no manifest', (text, why) => {
  expect(() => parseManifest(text, 'it')).toThrow(expect.objectContaining({ message: expect.stringContaining(why) }))
})

test.each([
  ['{}', 'no manifests'],
  [`{"mediaType":"${mediaTypes.manifest}","manifests":[]}`, 'not an image index but'],
  ['{"manifests":[5]}', 'manifest 0 of it is not a descriptor'],
])('%j is no index', (text, why) => {
  expect(() => parseIndex(text, 'it')).toThrow(expect.objectContaining({ message: expect.stringContaining(why) }))
})

test('a config keeps what it does not know, and is linux on amd64 where it does not say', () => {
  const text = JSON.stringify({
    author: '',
    created: 'x',
    'moby.note': { a: 1 },
    rootfs: { type: 'layers', diff_ids: [digest] },
  })
  expect(parseImageConfig(text, 'it')).toEqual({
    platform: { os: 'linux', architecture: 'amd64' },
    created: 'x',
    config: {},
    diffIds: [digest],
    history: [],
    rest: { 'moby.note': { a: 1 } },
  })
})

test.each([
  ['{"rootfs":{"diff_ids":5}}', 'no list of diff_ids'],
  ['{"rootfs":{"diff_ids":["x"]}}', 'diff_id 0 of it is not a sha256 digest'],
  ['5', 'not a JSON object'],
])('%j is no config', (text, why) => {
  expect(() => parseImageConfig(text, 'it')).toThrow(expect.objectContaining({ message: expect.stringContaining(why) }))
})

test.each([
  '{"rootfs":null}',
  '{"config":null,"history":null}',
  '{"rootfs":{"diff_ids":null}}',
  '{"config":5,"history":"x"}',
])('the nulls of older builders are nothing: %j', (text) => {
  expect(parseImageConfig(text, 'it')).toMatchObject({ config: {}, history: [], diffIds: [] })
})

test('JSON is as Go writes it, and any reader reads the same', () => {
  expect(goJson({ a: '<b>&\u2028\u2029', 'k<': [1, undefined], u: undefined })).toBe(
    '{"a":"\\u003cb\\u003e\\u0026\\u2028\\u2029","k\\u003c":[1,null]}',
  )
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.stringify(JSON.parse(goJson(value)))).toBe(JSON.stringify(value))
      expect(goJson(value, 2)).not.toMatch(/[<>&\u2028\u2029]/)
    }),
  )
})

test('JSON keeps the order of its keys, indented as JavaScript does it; keys that look like numbers are sorted as text', () => {
  const value = { b: [1, { c: null }, []], a: {}, u: undefined, t: 'x"<\u2028' }
  expect(goJson(value, 2)).toBe(
    JSON.stringify(value, undefined, 2).replace('<', '\\u003c').replace('\u2028', '\\u2028'),
  )
  expect(goJson(sortedMembers({ 9: 'a', 10: 'b', B: 'c', a: 'd' }))).toBe('{"10":"b","9":"a","B":"c","a":"d"}')
})

const { index: indexType, manifest: manifestType, dockerList, dockerManifest } = mediaTypes
const oneImage = { config: blob, layers: [blob] }

test.each([
  ['both', { ...oneImage, manifests: [blob] }],
  ['both, typed as an image', { mediaType: manifestType, ...oneImage, manifests: [blob] }],
  ['both, typed as Docker’s image', { mediaType: dockerManifest, ...oneImage, manifests: [blob] }],
  ['both, typed as an index', { mediaType: indexType, ...oneImage, manifests: [blob] }],
  ['both, typed as Docker’s list', { mediaType: dockerList, ...oneImage, manifests: [blob] }],
  ['both, the type is another thing', { mediaType: 5, ...oneImage, manifests: [blob] }],
  ['no manifests', { ...oneImage, manifests: [] }],
  ['null for manifests', { ...oneImage, manifests: null }],
  ['null for layers', { config: blob, layers: null, manifests: [blob] }],
  ['no config', { layers: [], manifests: [blob] }],
  ['a config, and no layers', { config: blob, manifests: [blob] }],
  ['manifests in other capitals', { ...oneImage, Manifests: [blob] }],
  ['layers in other capitals', { manifests: [blob], LAYERS: [] }],
  ['layers twice', { ...oneImage, Layers: [] }],
  ['a type twice', { mediaType: manifestType, MediaType: indexType, ...oneImage }],
])('a document is an image or an index, and refused where it may be both: %s', (_, value) => {
  for (const parse of [parseManifest, parseIndex])
    expect(() => parse(goJson(value), 'it')).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^MANIFEST_(?:AMBIGUOUS|INVALID)$/) }),
    )
  expect(() => kindOfDocument(value, 'it')).toThrow(expect.objectContaining({ code: 'MANIFEST_AMBIGUOUS' }))
})

test.each([
  [indexType, oneImage],
  [dockerList, oneImage],
  [manifestType, { manifests: [] }],
  [indexType, { mediaType: dockerManifest, layers: [] }],
  [manifestType, { mediaType: dockerList, manifests: [] }],
  [manifestType, { mediaType: indexType }],
])('what is handed out as %s is of that kind: %j is not', (said, value) => {
  expect(() => kindOfDocument(value, 'it', said)).toThrow(expect.objectContaining({ code: 'MANIFEST_AMBIGUOUS' }))
})

test.each([
  [oneImage, undefined, 'manifest'],
  [oneImage, dockerManifest, 'manifest'],
  [{ mediaType: dockerManifest, ...oneImage }, manifestType, 'manifest'],
  [{ manifests: [] }, 'application/json', 'index'],
  [{ mediaType: indexType, manifests: [], config: null }, dockerList, 'index'],
  [{ mediaType: indexType }, undefined, 'index'],
  [{ schemaVersion: 1, fsLayers: [] }, undefined, undefined],
])('a document that can be read in one way only is read: %j', (value, said, kind) => {
  expect(kindOfDocument(value, 'it', said)).toBe(kind)
})

test('null for a list is an empty one', () => {
  expect(parseManifest(goJson({ config: blob, layers: null }), 'it').layers).toEqual([])
  expect(parseIndex('{"manifests":null}', 'it').manifests).toEqual([])
  expect(openIndex(Buffer.from('{"manifests":null}'), 'it').entries).toEqual([])
})
