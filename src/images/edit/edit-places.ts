import type { EditOptions } from '../../api/index.ts'
import { documentLimit, goJson, mediaTypes, type Platform, parseReference, type Reference } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import { findPlace } from '../contents/index.ts'
import { type Host, Overlay } from '../index.ts'
import {
  type OpenedImage,
  openImage,
  openInPlace,
  type PathAlone,
  parseTransport,
  type Transport,
} from '../transports/index.ts'

/** Where an image to be edited is; `scratch` is the empty one. */
export type Origin = Transport | PathAlone | { readonly kind: 'scratch' }

/** Where the result goes, and whether it gets a name there. */
export interface Goal {
  readonly transport: Transport
  readonly isNamed: boolean
}

const withTransport = /^(?:docker:\/\/|store:|oci:|oci-archive:|docker-archive:)/

/** Finds what a user means by the image to be edited. `bare` names that the store does not have are left to the registry. */
export function originOf(host: Host, text: string): Origin {
  return text === 'scratch' ? { kind: 'scratch' } : findPlace(host, text).transport
}

/** Finds a base: a bare name is looked for where the image is. */
export function baseOriginOf(host: Host, from: Origin, text: string): Origin {
  if (text === 'scratch') return { kind: 'scratch' }
  return from.kind === 'registry' && !withTransport.test(text) ? parseTransport(text) : findPlace(host, text).transport
}

/** Returns where the result goes: a bare name is one where the image is. Throws `OPTION_INVALID` if that cannot be. */
export function goalOf(from: Origin, { image, to }: EditOptions): Goal {
  if (to === undefined) {
    if (from.kind === 'store') return { transport: from, isNamed: false }
    if (from.kind !== 'registry')
      throw new TareError('OPTION_INVALID', `what is made of ${image} needs a name`, {
        remedy: 'Give one with -t: store:NAME, docker://NAME or oci:PATH.',
      })
    const { registry, repository } = from.name
    return { transport: { kind: 'registry', name: { registry, repository, tag: 'latest' } }, isNamed: false }
  }
  const transport =
    withTransport.test(to) || from.kind === 'registry' ? parseTransport(to) : ({ kind: 'store', text: to } as const)
  if (transport.kind === 'docker-archive')
    throw new TareError('OPTION_INVALID', 'an edited image cannot be written to a docker archive', {
      remedy: 'Name it in the store, and write it with `tare save`.',
    })
  return { transport, isNamed: true }
}

/** Returns the name that the result gets in the store. */
export function storeName(text: string): Reference {
  const name = parseReference(text.replace(/^store:/, ''))
  if (name.tag !== undefined && name.digest === undefined) return name
  throw new TareError('REFERENCE_INVALID', `"${text}" has no tag, which the result needs`)
}

/** Opens the image. Rejects with `IMAGE_UNKNOWN` and the errors of the transport. */
export async function openOrigin(host: Host, from: Origin, options: EditOptions): Promise<OpenedImage> {
  if (from.kind === 'scratch') return emptyImage(host, host.platform)
  if (from.kind === 'registry' && !withTransport.test(options.image)) return openGuessed(host, from, options)
  if (from.kind !== 'path') return openImage(host, from, options)
  const opened = await openInPlace(host, from, options)
  if (opened.layers === undefined) return opened
  await opened.close()
  const name = from.label === undefined ? undefined : parseReference(from.label)
  return openImage(host, { kind: 'docker-archive', path: from.path, name }, options)
}

/** Opens a name that neither the store nor the disk knows. */
async function openGuessed(host: Host, from: Transport, options: EditOptions): Promise<OpenedImage> {
  try {
    return await openImage(host, from, options)
  } catch (error) {
    if (!(error instanceof TareError)) throw error
    const { code, message, remedy } = error
    throw new TareError(code, `${options.image} is not in the store, and ${message}`, { remedy, cause: error })
  }
}

/** The image without layers, which is for any platform. */
export function emptyImage({ store }: Host, platform: Platform): OpenedImage {
  const overlay = new Overlay(store)
  const { architecture, os, variant } = platform
  const config = Buffer.from(
    goJson({ architecture, config: {}, history: [], os, rootfs: { type: 'layers', diff_ids: [] }, variant }),
  )
  const manifest = {
    ...{ schemaVersion: 2, mediaType: mediaTypes.manifest },
    config: overlay.addDocument(config, mediaTypes.config),
    layers: [],
  }
  const root = overlay.addDocument(Buffer.from(goJson(manifest, 2)), mediaTypes.manifest)
  return { source: overlay, root, close: async () => {} }
}

/** Throws `CONFIG_TOO_LARGE` for a document that would be too large to be read again. */
export function refuseLarge(bytes: Buffer, what: string): Buffer {
  if (bytes.length <= documentLimit) return bytes
  throw new TareError('CONFIG_TOO_LARGE', `${what} would be larger than ${documentLimit} bytes`)
}
