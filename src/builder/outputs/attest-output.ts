import type { Target } from '../../content/index.ts'
import { type Descriptor, mediaTypes, type Reference } from '../../oci/index.ts'
import { flow } from '../../support/index.ts'
import { attestationEntry, attestationManifest, type Piece, referrerManifest } from '../attestations/index.ts'
import { indexOf } from './documents.ts'
import type { OutputWork } from './types.ts'

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
    const statements = await attester!.about(images[i]!, subject, names, true)
    const { blobs, manifest } = attestationManifest(statements, subject, artifact)
    for (const one of [...blobs, manifest]) await put(target, one)
    entries.push(attestationEntry(manifest, subject))
  }
  const index = indexOf([...manifests, ...entries], notes, mediaTypes.index)
  await put(target, index)
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
    for (const statement of await attester!.about(images[i]!, subject, names, false)) {
      const { blobs, manifest } = referrerManifest(statement, subject)
      for (const one of [...blobs, manifest]) await put(target, one)
      await target.label?.(manifest.blob)
    }
}

async function put(target: StatementTarget, { blob, bytes }: Piece): Promise<void> {
  await target.put(blob, async () => flow(bytes))
}
