import { expect, test } from 'vitest'
import { layerIn, mediaTypes, typeIn } from './index.ts'

const layer = (mediaType: string) => ({ mediaType, digest: `sha256:${'a'.repeat(64)}` as const, size: 1 })

test.each([
  [mediaTypes.index, mediaTypes.dockerList],
  [mediaTypes.manifest, mediaTypes.dockerManifest],
  [mediaTypes.config, mediaTypes.dockerConfig],
  [mediaTypes.layer, mediaTypes.dockerLayer],
  [mediaTypes.layerGzip, mediaTypes.dockerLayerGzip],
])('%s and %s are the same bytes', (oci, docker) => {
  expect([typeIn('oci', docker), typeIn('docker', oci), typeIn('oci', oci), typeIn('docker', docker)]).toEqual([
    ...[oci, docker, oci, docker],
  ])
})

test('what only one family has a name for has none in the other', () => {
  expect(typeIn('docker', mediaTypes.layerZstd)).toBeUndefined()
  expect(typeIn('oci', 'application/vnd.example')).toBeUndefined()
})

test.each([
  ['docker', mediaTypes.layerGzip, mediaTypes.dockerLayerGzip],
  ['docker', mediaTypes.layer, mediaTypes.dockerLayer],
  ['oci', mediaTypes.dockerLayer, mediaTypes.layer],
  ['oci', 'application/x-gzip', mediaTypes.layerGzip],
  ['docker', mediaTypes.layerZstd, mediaTypes.layerZstd],
] as const)('in a manifest of %s, a layer of %s is %s', (family, mediaType, expected) => {
  expect(layerIn(family, layer(mediaType)).mediaType).toBe(expected)
})
