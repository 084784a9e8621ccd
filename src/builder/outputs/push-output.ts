import type { BuiltOutput, ImageOutput } from '../../api/index.ts'
import type { Registry } from '../../content/registry/index.ts'
import { entryMeant, repositoryOf } from '../../images/index.ts'
import { openRepository } from '../../images/transports/index.ts'
import { type Descriptor, familiarName, formatReference, parseIndex, type Reference } from '../../oci/index.ts'
import { asStep } from '../session/index.ts'
import { type AttestedForm, attachReferrers, attestedIndex } from './attest-output.ts'
import type { StoredDocuments } from './documents.ts'
import type { OutputWork, PreparedOutput } from './types.ts'

/**
 * An image in the registries of its names: everything is uploaded now, and gets its tags later. What is pushed by digest is
 * visible to those who know the digest.
 */
export async function preparePush(
  output: ImageOutput,
  names: readonly Reference[],
  documents: StoredDocuments,
  form: AttestedForm,
  work: OutputWork,
): Promise<readonly PreparedOutput[]> {
  const byRepository = new Map<string, Reference[]>()
  for (const name of names) {
    const repository = repositoryOf(name)
    byRepository.set(repository, [...(byRepository.get(repository) ?? []), name])
  }
  const prepared: PreparedOutput[] = []
  try {
    for (const some of byRepository.values())
      prepared.push(await new RepositoryPush(output, some, documents, form, work).prepare())
    return prepared
  } catch (error) {
    for (const one of prepared) await one.discard()
    throw error
  }
}

class RepositoryPush {
  private readonly output: ImageOutput
  private readonly names: readonly Reference[]
  private readonly documents: StoredDocuments
  private readonly form: AttestedForm
  private readonly work: OutputWork

  constructor(
    output: ImageOutput,
    names: readonly Reference[],
    documents: StoredDocuments,
    form: AttestedForm,
    work: OutputWork,
  ) {
    this.output = output
    this.names = names
    this.documents = documents
    this.form = form
    this.work = work
  }

  async prepare(): Promise<PreparedOutput> {
    const { names, output, work } = this
    const { host, signal } = work
    const registry = await openRepository(host, names[0]!, { insecure: output.insecure, signal })
    try {
      const blob = await this.upload(registry)
      const { digest, mediaType, size } = blob
      const made = (name: Reference): BuiltOutput => ({
        kind: 'push',
        to: formatReference(name),
        digest,
        mediaType,
        size,
      })
      const publish = async () => {
        try {
          if (output.byDigest === true) return await this.keepDigests(blob, made)
          for (const name of names) await registry.tag(name, blob)
          return names.map(made)
        } finally {
          registry.close()
        }
      }
      return {
        what: `the push to ${names.map(familiarName).join(', ')}`,
        publish,
        discard: async () => registry.close(),
      }
    } catch (error) {
      registry.close()
      throw error
    }
  }

  private async keepDigests(blob: Descriptor, made: (name: Reference) => BuiltOutput): Promise<readonly BuiltOutput[]> {
    const { host, basedOn, pushedAs } = this.work
    const there = this.names.map(({ tag: _, ...name }) => ({ ...name, digest: blob.digest }))
    if (this.output.canonicalName === true)
      for (const [i, name] of there.entries()) {
        const pulledAs = pushedAs.get(formatReference(this.names[i]!))
        await host.store.keep(this.documents.root, [name], host.now(), { basedOn, pulledAs })
      }
    return there.map(made)
  }

  /** Uploads the image, and what is stated about it. Returns what the names are to point to. */
  private async upload(registry: Registry): Promise<Descriptor> {
    const { documents, names, work, form } = this
    const title = `pushing to ${repositoryOf(names[0]!)}`
    return asStep(work.steps, title, work.report, async (report) => {
      if (work.attester !== undefined && form.inline) {
        const manifests: Descriptor[] = []
        for (const manifest of documents.manifests) {
          const { mediaType, digest, size } = await this.push(registry, manifest, report)
          manifests.push({ ...manifest, mediaType, digest, size })
        }
        return attestedIndex(manifests, names, form, registry, work)
      }
      const blob = await this.push(registry, documents.root, report)
      if (work.attester !== undefined) await attachReferrers(this.manifestsOf(blob), names, registry, work)
      return blob
    })
  }

  /** Returns the images that were pushed, in the order of their platforms. */
  private manifestsOf(blob: Descriptor): readonly Descriptor[] {
    if (this.documents.manifests.length === 1) return [blob]
    return parseIndex(this.work.host.store.blobs.read(blob.digest), `the index ${blob.digest}`).manifests
  }

  private async push(
    registry: Registry,
    { mediaType, digest, size }: Descriptor,
    report: OutputWork['report'],
  ): Promise<Descriptor> {
    const { host, signal, pushedAs } = this.work
    const { pushDocument } = await import('../../images/push/index.ts')
    const { format, compression, compressionLevel, forceCompression, insecure } = this.output
    const options = { format, compression, compressionLevel, forceCompression, insecure, signal, report }
    const known = host.store.entries().filter(({ manifest }) => manifest.digest === digest)
    const entry = known.length === 0 ? undefined : entryMeant(known, formatReference(this.names[0]!))
    const { blob, pulledAs } = await pushDocument(host, registry, { mediaType, digest, size }, options, entry)
    if (pulledAs !== undefined && digest === this.documents.root.digest)
      for (const name of this.names) pushedAs.set(formatReference(name), pulledAs)
    return blob
  }
}
