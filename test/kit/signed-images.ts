import { mediaTypes } from '../../src/oci/index.ts'
import type { BadRegistry } from './bad-registry.ts'
import { startBad } from './bad-registry-client.ts'
import { entryOf, placeImage, placeIndex } from './registry-images.ts'

export const tagOf = (digest: string, suffix: string) => `${digest.replace(':', '-')}.${suffix}`

/** Puts something there that speaks of another manifest. */
export function placeReferrer(registry: BadRegistry, subject: object, artifactType: string) {
  const empty = Buffer.from('{}')
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: registry.addBlob(empty), size: 2 }
  const note = Buffer.from(artifactType)
  const layers = [{ mediaType: 'text/plain', digest: registry.addBlob(note), size: note.length }]
  const mediaType = mediaTypes.manifest
  return {
    mediaType,
    ...registry.addManifest(mediaType, { schemaVersion: 2, mediaType, artifactType, config, layers, subject }),
  }
}

/** An index of two images, with an SBOM of it, a signature of one image, and one of the SBOM; and cosign's signature of the other. */
export async function signed(options: { readonly api: boolean }) {
  const registry = await startBad(options.api ? { referrers: { page: 1, filters: true } } : {})
  const [amd, arm] = [placeImage(registry, {}), placeImage(registry, { architecture: 'arm64', contents: 'arm' })]
  const index = placeIndex(registry, [entryOf(amd, 'linux/amd64'), entryOf(arm, 'linux/arm64')], '1')
  const sbom = placeReferrer(registry, entryOf(index), 'application/x.sbom')
  const signature = placeReferrer(registry, entryOf(amd), 'application/x.signature')
  const ofSbom = placeReferrer(registry, entryOf(sbom), 'application/x.signature')
  if (!options.api)
    for (const [subject, referrer] of [
      [index, sbom],
      [amd, signature],
      [sbom, ofSbom],
    ] as const)
      registry.addManifest(
        mediaTypes.index,
        { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [{ ...referrer, artifactType: 'x/y' }] },
        subject.digest.replace(':', '-'),
      )
  const cosign = placeImage(
    registry,
    { layerType: 'application/vnd.dev.cosign.simplesigning.v1+json', contents: 'c' },
    tagOf(arm.digest, 'sig'),
  )
  const all = [sbom, signature, ofSbom].map(({ digest }) => digest)
  return { registry, from: `${registry.host}/app:1`, index, amd, arm, sbom, signature, ofSbom, cosign, all }
}
