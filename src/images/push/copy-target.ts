import { resolve } from 'node:path'
import type { CopyOptions, CopyResult } from '../../api/index.ts'
import { openLayout, writeArchive } from '../../content/archive/index.ts'
import { copyImage, type Source, type Target, verified } from '../../content/index.ts'
import type { Registry } from '../../content/registry/index.ts'
import type { PulledAs, StoreEntry } from '../../content/store/index.ts'
import {
  type Descriptor,
  isIndexType,
  isManifestType,
  parseReference,
  plainDescriptor,
  type Reference,
} from '../../oci/index.ts'
import { type Bytes, TareError } from '../../support/index.ts'
import type { Host, OnItsWay } from '../index.ts'
import { pulledAsWithin, readCompressed, readWhole, repositoryOf, withinRegistry } from '../index.ts'
import {
  convertFormat,
  documentsOf,
  isFormatRefused,
  keptOci,
  onlyInOci,
  refusedBoth,
  reportDockers,
} from '../rewrite/index.ts'
import type { ReferrersTarget } from '../transports/index.ts'
import { type LayoutTransport, openRepository, parseTransport, type Transport } from '../transports/index.ts'

/** The destination of a copy: the image first, then its name. */
export interface CopyTarget {
  /** Returns the image's descriptor at the destination. */
  write(way: OnItsWay): Promise<CopyWritten>
  /** For destinations that accept referrers. */
  readonly attach?: ReferrersTarget['attach']
  name(blob: Descriptor, pulledAs?: PulledAs): Promise<void>
  /** Gives up, and removes what has not been published yet. */
  abort(): Promise<void>
  close(): void
}

export interface CopyWritten {
  readonly blob: Descriptor
  /** For the store: what others know the image by. */
  readonly pulledAs?: PulledAs | undefined
  readonly skipped?: CopyResult['skipped']
}

// The same as skopeo.
const atOnce = 6

/**
 * `entry` is the image's entry in the store, if it comes from there. `mounts` are further repositories that may have its layers,
 * with their registries.
 */
export async function openTarget(
  host: Host,
  from: Transport,
  to: Transport,
  entry: StoreEntry | undefined,
  options: CopyOptions,
  mounts: readonly string[] = [],
): Promise<CopyTarget> {
  switch (to.kind) {
    case 'registry':
      return registryTarget(host, from, to.name, entry, options, mounts)
    case 'store':
      return storeTarget(host, from, to.text, entry, options)
    case 'oci':
      return layoutTarget(host, to, options)
    default:
      return archiveTarget(to, options)
  }
}

async function registryTarget(
  host: Host,
  from: Transport,
  name: Reference,
  entry: StoreEntry | undefined,
  options: CopyOptions,
  mounts: readonly string[],
): Promise<CopyTarget> {
  if (name.tag === undefined || name.digest !== undefined) throw nameless(options.to)
  const names = [name, ...further(options).map((tag) => parseReference(`${name.registry}/${name.repository}:${tag}`))]
  const registry = await openRepository(host, name, options)
  // Within one registry, blobs are mounted.
  const origins = [...(from.kind === 'registry' ? [repositoryOf(from.name)] : []), ...mounts]
  const near = withinRegistry([...new Set(origins)], name.registry)
  return {
    write: async ({ source, root }) =>
      from.kind === 'store'
        ? (await import('./push-document.ts')).pushDocument(host, registry, root, options, entry)
        : { blob: await copyToRegistry(registry, { source, root }, near, options) },
    attach: async (source, blob, tag) => {
      const { report, signal } = options
      await copyImage(source, blob, uploading(registry, near), undefined, { report, signal, atOnce })
      if (tag !== undefined) await registry.tag({ registry: name.registry, repository: name.repository, tag }, blob)
    },
    name: async (blob) => {
      for (const one of names) await registry.tag(one, blob)
    },
    abort: async () => {},
    close: () => registry.close(),
  }
}

/** Copies the image unchanged, or converted to Docker's manifests if the registry rejects OCI's and nothing is lost by that. */
async function copyToRegistry(
  registry: Registry,
  { source, root }: OnItsWay,
  near: readonly string[],
  options: CopyOptions,
): Promise<Descriptor> {
  const { report, signal, format, preserveDigests } = options
  const target = uploading(registry, near)
  const send = (way: OnItsWay) => copyImage(way.source, way.root, target, undefined, { report, signal, atOnce })
  try {
    return await send({ source, root })
  } catch (refusal) {
    if (!isFormatRefused(refusal) || format !== undefined) throw refusal
    const lost = onlyInOci(await documentsOf(source, root))
    const why = preserveDigests === true ? 'the digest must not change' : lost && `the image has ${lost}`
    if (why !== undefined) throw keptOci(refusal, why)
    const converted = await convertFormat(source, root, 'docker')
    const blob = await send(converted).catch((error: unknown) => {
      throw isFormatRefused(error) ? refusedBoth(refusal) : error
    })
    reportDockers(registry.host, report)
    return blob
  }
}

/** The registry as a target whose uploads resume when they break: the bytes can be opened again. */
export function uploading(registry: Registry, mounts: readonly string[]): Target {
  return {
    resolve: (name) => registry.resolve(name),
    open: (blob) => registry.open(blob),
    // Checking is left to `put`, which does so with write permission: others learn nothing about a new repository.
    has: async () => false,
    tag: (name, blob) => registry.tag(name, blob),
    put: async (blob, open) => {
      if (isIndexType(blob.mediaType) || isManifestType(blob.mediaType)) return registry.put(blob, open)
      await registry.upload(blob, { open: async (from) => skipping(verified(await open(), blob), from) }, mounts)
    },
  }
}

async function* skipping(bytes: Bytes, from: number): Bytes {
  let left = from
  for await (const chunk of bytes) {
    const rest = chunk.subarray(Math.min(left, chunk.length))
    left -= chunk.length - rest.length
    if (rest.length > 0) yield rest
  }
}

function storeTarget(
  host: Host,
  from: Transport,
  text: string,
  entry: StoreEntry | undefined,
  options: CopyOptions,
): CopyTarget {
  const names = [text, ...further(options)].map((one) => parseReference(one))
  if (names.some(({ tag, digest }) => tag === undefined || digest !== undefined)) throw nameless(options.to)
  const { report, signal } = options
  const repository = from.kind === 'registry' ? repositoryOf(from.name) : undefined
  const keep = { names: [], repository, report, signal }
  return {
    write: async ({ source, root }) => {
      if (from.kind === 'store') {
        // Everything is stored except what the copy itself created: an index of fewer platforms.
        host.store.blobs.write(await readWhole(source, root, `the manifest of ${options.from}`))
        return { blob: root, pulledAs: entry && pulledAsWithin(host.store, entry, root) }
      }
      const { ingestIndex, ingestCompressed } = await import('../ingest/index.ts')
      if (!isIndexType(root.mediaType)) {
        const { stored, pulledAs } = await ingestCompressed(
          host,
          await readCompressed(source, root, options.from),
          keep,
        )
        return { blob: stored, pulledAs }
      }
      const { stored, pulledAs, skipped } = await ingestIndex(host, source, root, options.from, keep)
      return { blob: stored, pulledAs, skipped }
    },
    name: (blob, pulledAs) =>
      host.store.keep(blob, names, host.now(), { pulledAs: pulledAs ?? partOf(entry), basedOn: entry?.basedOn }),
    abort: async () => {},
    close: () => {},
  }
}

/** Some images of an index are known by what the whole was pulled as. */
function partOf(entry: StoreEntry | undefined): PulledAs | undefined {
  return entry?.pulledAs === undefined ? undefined : { ...entry.pulledAs, part: true }
}

async function layoutTarget(host: Host, to: LayoutTransport, options: CopyOptions): Promise<CopyTarget> {
  const labels = labelsOf(to, options)
  if (resolve(to.path) === resolve(host.store.home))
    throw new TareError('TRANSPORT_INVALID', `${to.path} is tare’s own store, which keeps layers in a different form`, {
      remedy: 'Write store:NAME.',
    })
  const layout = await openLayout(to.path)
  const { report, signal } = options
  return {
    write: async ({ source, root }) => ({
      blob: await copyImage(source, root, layout, undefined, { report, signal, atOnce }),
    }),
    attach: async (source, blob, tag) => {
      await layout.label(
        tag,
        await copyImage(source, plainDescriptor(blob), layout, undefined, { report, signal, atOnce }),
      )
    },
    name: async (blob) => {
      for (const label of labels) await layout.label(label, blob)
    },
    abort: () => layout.abort(),
    close: () => {},
  }
}

type ArchivePlace = LayoutTransport | Extract<Transport, { kind: 'docker-archive' }>

function archiveTarget(to: ArchivePlace, options: CopyOptions): CopyTarget {
  const names = to.kind === 'docker-archive' ? namesOf(to, options) : []
  const labels = to.kind === 'docker-archive' ? [] : labelsOf(to, options)
  const { report, signal } = options
  const writer = writeArchive(to.path, {
    format: to.kind === 'docker-archive' ? 'docker' : 'oci',
    ...(signal === undefined ? {} : { signal }),
  })
  return {
    write: async ({ source, root }) => ({ blob: await copyImage(source, root, writer, undefined, { report, signal }) }),
    ...(to.kind === 'docker-archive'
      ? {}
      : {
          attach: async (source: Source, blob: Descriptor, tag?: string) =>
            writer.label(tag, await copyImage(source, plainDescriptor(blob), writer, undefined, { report, signal })),
        }),
    name: async (blob) => {
      for (const label of labels) await writer.label(label, blob)
      for (const name of names) await writer.tag(name, blob)
      await writer.close()
    },
    abort: () => writer.abort(),
    close: () => {},
  }
}

/** Checked before anything is written. */
function labelsOf(to: LayoutTransport, options: CopyOptions): readonly (string | undefined)[] {
  if (to.digest !== undefined) throw nameless(options.to)
  const more = further(options)
  for (const label of more) parseTransport(`oci:${to.path}:${label}`)
  return to.label === undefined && more.length > 0 ? more : [to.label, ...more]
}

function namesOf({ name }: Extract<Transport, { kind: 'docker-archive' }>, options: CopyOptions): readonly Reference[] {
  return [...(name === undefined ? [] : [name]), ...further(options).map((text) => parseReference(text))]
}

function further({ additionalTags = [] }: CopyOptions): readonly string[] {
  return additionalTags
}

function nameless(text: string): TareError {
  return new TareError('REFERENCE_INVALID', `"${text}" has no tag, which a copy needs`)
}
