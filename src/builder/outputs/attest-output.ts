import type { Target } from '../../content/index.ts'
import { type Descriptor, formatPlatform, mediaTypes, type Reference } from '../../oci/index.ts'
import { flow, TareError } from '../../support/index.ts'
import {
  attestationEntry,
  attestationManifest,
  type Piece,
  referrerManifest,
  type Subject,
} from '../attestations/index.ts'
import { imageUrl } from '../session/index.ts'
import { indexOf } from './documents.ts'
import type { BuiltImage, OutputWork } from './types.ts'

/** Returns what statements about an image are about: its manifest in the output, under each of its names. */
export function manifestSubjects(
  { platform }: BuiltImage,
  { digest }: Descriptor,
  names: readonly Reference[],
): readonly Subject[] {
  if (names.length === 0) return [{ name: '_', digest }]
  return names.map((name) => ({ name: imageUrl(name, formatPlatform(platform)), digest }))
}

/** How an output holds statements. */
export interface AttestedForm {
  /** In the index beside the images, as BuildKit does; otherwise as manifests that refer to the images. */
  readonly inline: boolean
  /** With `inline`: as artifacts. */
  readonly artifact: boolean
  /** Annotations of the index. */
  readonly notes: Readonly<Record<string, string>> | undefined
}

/** Where blobs and manifests go. */
export interface StatementTarget extends Pick<Target, 'put'> {
  /** Lists a manifest that has no name, where that is needed. */
  label?(blob: Descriptor): Promise<void>
}

/** Writes an index of the images, which the target has, and of what is stated about each. Returns its descriptor. */
export async function attestedIndex(
  manifests: readonly Descriptor[],
  names: readonly Reference[],
  { artifact, notes }: AttestedForm,
  target: StatementTarget,
  { images, attester }: OutputWork,
): Promise<Descriptor> {
  const entries: Descriptor[] = []
  for (const [i, subject] of manifests.entries()) {
    const statements = await attester!.about(images[i]!, manifestSubjects(images[i]!, subject, names), true)
    const { blobs, manifest } = attestationManifest(statements, subject, artifact)
    for (const one of [...blobs, manifest]) await put(target, one, withoutStatements)
    entries.push(attestationEntry(manifest, subject))
  }
  const index = indexOf([...manifests, ...entries], notes, mediaTypes.index)
  await put(target, index, withoutStatements)
  return index.blob
}

/** Writes manifests that refer to the images, which the target has. */
export async function attachReferrers(
  manifests: readonly Descriptor[],
  names: readonly Reference[],
  target: StatementTarget,
  { images, attester }: OutputWork,
): Promise<void> {
  for (const [i, subject] of manifests.entries())
    for (const statement of await attester!.about(images[i]!, manifestSubjects(images[i]!, subject, names), false)) {
      const { blobs, manifest } = referrerManifest(statement, subject)
      for (const one of [...blobs, manifest]) await put(target, one, asReferrer)
      await target.label?.(manifest.blob)
    }
}

const withoutStatements = 'It may accept no attestations: build without --sbom, --provenance and --attest.'
const asReferrer =
  'It may accept no manifests but of images: try attestation-inline=true, or build without --sbom, --provenance and --attest.'

/** The registry's own format is not the reason where it refuses attestations, and the image itself is there by now. */
async function put(target: StatementTarget, { blob, bytes }: Piece, remedy: string): Promise<void> {
  try {
    await target.put(blob, async () => flow(bytes))
  } catch (error) {
    if (!(error instanceof TareError) || error.code !== 'MANIFEST_REFUSED') throw error
    const message = `the attestations are refused: ${error.message}`
    throw new TareError(error.code, message, { remedy, cause: error })
  }
}
