import type { ArchiveOutput } from '../../api/index.ts'
import { type LayoutWriter, openLayout, writeArchive } from '../../content/archive/index.ts'
import { copyImage, type Source } from '../../content/index.ts'
import { Overlay } from '../../images/index.ts'
import { compressLayers, convertFormat } from '../../images/rewrite/index.ts'
import { type Descriptor, isIndexType, plainDescriptor, type Reference } from '../../oci/index.ts'
import { notesOf } from './annotations.ts'
import { type AttestedForm, attachReferrers, attestedIndex, type StatementTarget } from './attest-output.ts'
import { completed } from './completed.ts'
import { indexOf, type StoredDocuments } from './documents.ts'
import type { OutputWork, PreparedOutput, ResolvedOutput } from './types.ts'

/** The image in the form of this output: compressed, in other manifests. */
interface Way {
  readonly source: Source
  readonly root: Descriptor
  readonly manifests: readonly Descriptor[]
}

/** An archive or a layout: written now, to appear later. */
export async function prepareArchive(
  { output, annotations, names }: ResolvedOutput & { readonly output: ArchiveOutput },
  documents: StoredDocuments,
  form: AttestedForm,
  work: OutputWork,
): Promise<PreparedOutput> {
  const { layout, to, folder = false } = output
  const path = 'path' in to ? to.path : undefined
  // Docker’s archives hold one image, and nothing beside it.
  const isDockers = layout === 'docker' || output.format === 'docker'
  const isIndex = documents.manifests.length > 1 || (form.inline && !isDockers && work.attester !== undefined)
  const notes = {
    ...(isIndex ? {} : notesOf(annotations, 'manifest-descriptor', work.images[0]!.platform)),
    ...notesOf(annotations, 'index-descriptor'),
  }
  const closers: (() => void)[] = []
  const close = () => {
    for (const one of closers) one()
  }
  try {
    const way = await wayOf(output, documents, closers, work)
    const writer = await openWriter(output, notes, work)
    try {
      const root = await fill(writer, way, names, form, isDockers, work)
      if ('prepare' in writer) await writer.prepare()
      const publish = async () => {
        try {
          await name(writer, root, names, folder)
          if ('close' in writer) await writer.close()
        } catch (error) {
          await writer.abort()
          throw error
        } finally {
          close()
        }
        const { digest, mediaType, size } = root
        return [{ kind: 'archive' as const, to: path ?? '-', digest, mediaType, size }]
      }
      const discard = async () => {
        await writer.abort()
        close()
      }
      return {
        what: `the ${layout} ${folder ? 'layout' : 'archive'} ${path ?? 'on standard output'}`,
        publish,
        discard,
      }
    } catch (error) {
      await writer.abort()
      throw error
    }
  } catch (error) {
    close()
    throw error
  }
}

type Writer = LayoutWriter | ReturnType<typeof writeArchive>

function openWriter(
  { layout, to, folder }: ArchiveOutput,
  notes: Readonly<Record<string, string>>,
  { signal, images }: OutputWork,
): Writer | Promise<Writer> {
  if (folder === true && 'path' in to) return openLayout(to.path, notes)
  const platform = images.length === 1 ? images[0]!.platform : undefined
  return writeArchive('path' in to ? to.path : to, { format: layout, platform, notes, signal })
}

async function fill(
  writer: Writer,
  { source, root, manifests }: Way,
  names: readonly Reference[],
  form: AttestedForm,
  isDockers: boolean,
  work: OutputWork,
): Promise<Descriptor> {
  const { signal } = work
  const attester = isDockers ? undefined : work.attester
  const isInline = attester !== undefined && form.inline
  for (const one of isInline ? manifests : [root])
    await copyImage(source, plainDescriptor(one), writer, undefined, { signal })
  const blob = isInline ? await attestedIndex(manifests, names, form, target(writer), work) : root
  if (attester !== undefined && !isInline) {
    const label = (one: Descriptor) => writer.label(undefined, one)
    await attachReferrers(manifests, names, { ...target(writer), label }, work)
  }
  return nameInArchive(writer, blob, names)
}

function target(writer: Writer): StatementTarget {
  return { put: (blob, open) => writer.put(blob, open) }
}

/** An archive's names are part of what is written; a layout gets them when it becomes visible. */
async function nameInArchive(writer: Writer, root: Descriptor, names: readonly Reference[]): Promise<Descriptor> {
  if ('prepare' in writer) for (const one of names) await writer.tag(one, root)
  return root
}

async function name(writer: Writer, root: Descriptor, names: readonly Reference[], folder: boolean): Promise<void> {
  if (!folder) return
  for (const one of names) await writer.tag(one, root)
  if (names.length === 0) await writer.label(undefined, root)
}

async function wayOf(
  { compression = 'uncompressed', compressionLevel: level, format }: ArchiveOutput,
  documents: StoredDocuments,
  closers: (() => void)[],
  work: OutputWork,
): Promise<Way> {
  const { host, signal } = work
  const overlay = new Overlay(host.store)
  let source: Source = overlay
  const manifests: Descriptor[] = []
  for (const stored of documents.manifests) {
    let manifest: Descriptor = await completed(stored, work)
    if (compression !== 'uncompressed') {
      const compressed = await compressLayers(host, source, manifest, { compression, level, signal })
      closers.push(() => compressed.close())
      source = compressed.source
      manifest = compressed.root
    }
    const { mediaType, digest, size } = manifest
    manifests.push({ ...stored, mediaType, digest, size })
  }
  const { root } = documents
  if (!isIndexType(root.mediaType))
    return converted({ source, root: plainDescriptor(manifests[0]!), manifests }, format)
  const index = indexOf(manifests, documents.notes)
  return converted({ source, root: overlay.addDocument(index.bytes, index.blob.mediaType), manifests }, format)
}

async function converted(way: Way, format: ArchiveOutput['format']): Promise<Way> {
  if (format !== 'docker') return way
  // Docker's manifests cannot be attested to.
  return { ...(await convertFormat(way.source, way.root, format)), manifests: [] }
}
