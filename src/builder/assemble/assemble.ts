import {
  type ContainerConfig,
  type Descriptor,
  type Digest,
  documentLimit,
  goJson,
  type HistoryEntry,
  type Manifest,
  manifestJson,
  mediaTypes,
  type Platform,
  sortedMembers,
} from '../../oci/index.ts'
import { sha256, TareError, wellFormed } from '../../support/index.ts'
import type { PlannedImage } from '../plan/index.ts'

/** A layer for the documents. */
export interface AssembledLayer {
  readonly diffId: Digest
  /** Its descriptor: uncompressed in the store, or compressed in a registry. */
  readonly blob: Descriptor
  /** When it was made (RFC 3339). */
  readonly created?: string
}

/** A JSON document ready to be stored. */
export interface Document {
  readonly blob: Descriptor
  readonly bytes: Buffer
}

export interface AssembledImage {
  readonly config: Document
  readonly manifest: Document
}

/** The documents' contents apart from the layers. */
export type ImageFacts = Pick<PlannedImage, 'platform' | 'base' | 'config' | 'author' | 'epoch'> & {
  /** The history after the base's own. `layer` is the index of the entry's layer among all of the image's. */
  readonly history: readonly { readonly createdBy: string; readonly layer?: number; readonly comment?: string }[]
  /** Further members of the config. */
  readonly members?: Readonly<Record<string, unknown>> | undefined
}

/** Writes an image's config and manifest. Equal input gives equal bytes. */
export function assembleImage(facts: ImageFacts, layers: readonly AssembledLayer[]): AssembledImage {
  const history = datedHistory(facts, layers)
  const created = history.at(-1)?.created
  const { platform, base, author } = facts
  const members: Record<string, unknown> = {
    ...keptMembers(base?.rest ?? {}),
    ...facts.members,
    architecture: platform.architecture,
    ...(author === undefined ? {} : { author }),
    config: orderConfig(facts.config),
    // Docker writes null if there is no layer and so no time.
    created: created ?? null,
    ...(history.length === 0 ? {} : { history }),
    os: platform.os,
    ...osMembers(platform),
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  }
  const config = document(mediaTypes.config, goJson(sortedMembers(members)))
  if (config.blob.size > documentLimit)
    throw new TareError('CONFIG_TOO_LARGE', `the image's config would be ${config.blob.size} bytes long`, {
      remedy: `The limit is ${documentLimit}. Shorten ENV, LABEL and the like; COPY large data.`,
    })
  const manifest: Manifest = {
    mediaType: mediaTypes.manifest,
    config: config.blob,
    layers: layers.map(({ blob }) => blob),
  }
  return { config, manifest: document(mediaTypes.manifest, goJson(manifestJson(manifest), 2)) }
}

/** Returns a JSON text as a blob. */
export function document(mediaType: string, text: string): Document {
  const bytes = Buffer.from(text, 'utf8')
  return { blob: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes }
}

// What older builders recorded about the container an image was made in says nothing about this image.
const forgotten = new Set([
  'id',
  'parent',
  'container',
  'container_config',
  'docker_version',
  'Size',
  'moby.buildkit.cache.v0',
  'moby.buildkit.buildinfo.v1',
  'dev.tare.cache.v1',
])

function keptMembers(rest: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(rest).filter(([key]) => !forgotten.has(key)))
}

function osMembers(platform: Platform): Record<string, string> {
  return {
    ...(platform.osVersion === undefined ? {} : { 'os.version': platform.osVersion }),
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
  }
}

const order: readonly (keyof ContainerConfig)[] = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'ArgsEscaped',
  'Healthcheck',
  'OnBuild',
  'Shell',
]

/** Returns the config's members in Docker's order, without empty ones, maps sorted; unknown members come last. */
function orderConfig(config: ContainerConfig): Record<string, unknown> {
  const entries = Object.entries(config)
  const known = order.flatMap((key) => (isEmpty(config[key]) ? [] : [[key, inOrder(key, config[key])] as const]))
  const unknown = entries.filter(
    ([key, value]) => !(order as readonly string[]).includes(key) && !legacy.has(key) && !isEmpty(value),
  )
  return Object.fromEntries([...known, ...unknown])
}

// Members of `config` that only make sense for a container that ran.
const legacy = new Set([
  'Hostname',
  'Domainname',
  'AttachStdin',
  'AttachStdout',
  'AttachStderr',
  'Tty',
  'OpenStdin',
  'StdinOnce',
  'Image',
  'MacAddress',
  'NetworkDisabled',
])

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

const healthOrder = ['Test', 'Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries']

/** Maps are sorted by the bytes of their keys; a health check has an order of its own. */
function inOrder(key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  if (key !== 'Healthcheck') return sortedMembers(value as Readonly<Record<string, unknown>>)
  const rank = ([name]: readonly [string, unknown]) =>
    healthOrder.includes(name) ? healthOrder.indexOf(name) : healthOrder.length
  return Object.fromEntries(Object.entries(value).sort((a, b) => rank(a) - rank(b)))
}

/**
 * Adds times to the history by BuildKit's rule. A layer's entry has the time the layer was made. An entry without a layer has the
 * time of the first layer after the first such entry, or of the preceding layer if there is one; if no layer follows, that of the
 * last one. No time is later than the epoch, except the base's own.
 */
function datedHistory({ base, history, epoch }: ImageFacts, layers: readonly AssembledLayer[]): HistoryEntry[] {
  const limit = epoch === undefined ? undefined : goTime(new Date(epoch * 1000).toISOString())
  const clamp = (time: string | undefined) =>
    time !== undefined && limit !== undefined && Date.parse(time) > Date.parse(limit) ? limit : time
  const old = (base?.history ?? []).map((entry) => ({ ...entry }))
  const fresh = history.map(({ createdBy, layer, comment }) => ({
    created: layer === undefined ? undefined : clamp(goTime(layers[layer]?.created)),
    created_by: wellFormed(createdBy),
    comment: comment ?? 'buildkit.dockerfile.v0',
    ...(layer === undefined ? { empty_layer: true } : {}),
  }))
  let time = firstNewTime([...old, ...fresh])
  let undated = false
  return [
    ...old.map(orderEntry),
    ...fresh.map((entry) => {
      if (entry.created === undefined) undated = true
      else if (undated) time = entry.created
      return orderEntry({ ...entry, created: clamp(entry.created ?? time) })
    }),
  ]
}

function firstNewTime(entries: readonly { readonly created?: string | undefined }[]): string | undefined {
  let time: string | undefined
  let undated = false
  for (const { created } of entries) {
    if (created === undefined) undated = true
    else {
      time = created
      if (undated) break
    }
  }
  return time
}

function orderEntry(entry: { readonly created?: string | undefined } & Omit<HistoryEntry, 'created'>): HistoryEntry {
  const { created, created_by, author, comment, empty_layer } = entry
  return {
    ...(created === undefined ? {} : { created }),
    ...(created_by === undefined ? {} : { created_by }),
    ...(author === undefined ? {} : { author }),
    ...(comment === undefined ? {} : { comment }),
    ...(empty_layer === true ? { empty_layer } : {}),
  }
}

/** Formats a time like Go's RFC 3339 with nanoseconds: no trailing zeros in the fraction. */
function goTime(time: string | undefined): string | undefined {
  return time?.replace(/\.(\d*?)0+Z$/, (_, digits: string) => (digits === '' ? 'Z' : `.${digits}Z`))
}
