import { type Digest, formatReference, isDigest, parseReference, type Reference } from '../../oci/index.ts'
import { closest, TareError } from '../../support/index.ts'

/** Where an image is, or is to go. */
export type Transport =
  | { readonly kind: 'registry'; readonly name: Reference }
  /** A name in the store; for a source, also an ID. */
  | { readonly kind: 'store'; readonly text: string }
  | LayoutTransport
  | { readonly kind: 'docker-archive'; readonly path: string; readonly name?: Reference | undefined }

export interface LayoutTransport {
  readonly kind: 'oci' | 'oci-archive'
  readonly path: string
  /** Its `ref.name` in index.json. */
  readonly label?: string | undefined
  readonly digest?: Digest | undefined
}

const kinds = ['docker', 'store', 'oci', 'oci-archive', 'docker-archive'] as const
const forms = 'docker://NAME, store:NAME, oci:PATH[:TAG], oci-archive:PATH[:TAG] and docker-archive:PATH[:NAME]'
// skopeo's transports that tare does not support.
const others = ['dir', 'docker-daemon', 'containers-storage', 'ostree', 'sif', 'tarball']
// (image-spec, annotations.md, "org.opencontainers.image.ref.name")
const labelPattern = /^[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*(?:\/[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*)*$/

/**
 * Parses a transport in skopeo's syntax; a name without a prefix is in a registry. Throws `TRANSPORT_INVALID` and
 * `REFERENCE_INVALID`.
 */
export function parseTransport(text: string): Transport {
  const [, scheme, slashes = '', rest = ''] = /^([a-z][a-z-]*):(\/\/)?(.*)$/s.exec(text) ?? []
  const kind = kinds.find((one) => one === scheme)
  if (kind === 'docker' && slashes !== '') return { kind: 'registry', name: parseReference(rest) }
  if (kind === undefined || kind === 'docker') {
    if (scheme !== undefined && (slashes !== '' || others.includes(scheme))) throw unknownKind(text, scheme)
    return { kind: 'registry', name: parseReference(text) }
  }
  const value = slashes + rest
  if (value === '') throw invalid(text, `there is nothing after "${scheme}:"`)
  if (kind === 'store') return { kind, text: value }
  const { path, tail } = splitPath(value)
  if (path === '') throw invalid(text, 'it has no path')
  if (kind === 'docker-archive') return { kind, path, ...(tail === undefined ? {} : { name: parseReference(tail) }) }
  const digest = /^(.*)@(sha256:[0-9a-f]{64})$/s.exec(value)
  if (digest !== null && isDigest(digest[2])) return { kind, path: digest[1]!, digest: digest[2] }
  if (tail !== undefined && !labelPattern.test(tail))
    throw invalid(text, `"${tail}" cannot be the name of an image in an OCI layout`)
  return { kind, path, ...(tail === undefined ? {} : { label: tail }) }
}

/** Formats a transport for `parseTransport`, with a registry's name in full. */
export function formatTransport(transport: Transport): string {
  switch (transport.kind) {
    case 'registry':
      return formatReference(transport.name)
    case 'store':
      return `store:${transport.text}`
    case 'docker-archive':
      return `docker-archive:${transport.path}${transport.name === undefined ? '' : `:${formatReference(transport.name)}`}`
    default: {
      const label = transport.label === undefined ? '' : `:${transport.label}`
      return `${transport.kind}:${transport.path}${label}${transport.digest === undefined ? '' : `@${transport.digest}`}`
    }
  }
}

/** Splits at the first colon, as skopeo does, but not after a drive letter. */
function splitPath(value: string): { path: string; tail?: string } {
  const drive = /^[A-Za-z]:[\\/]/.test(value) ? 2 : 0
  const colon = value.indexOf(':', drive)
  return colon < 0 ? { path: value } : { path: value.slice(0, colon), tail: value.slice(colon + 1) }
}

function unknownKind(text: string, scheme: string): TareError {
  const meant = closest(scheme, kinds)
  return new TareError('TRANSPORT_INVALID', `"${text}" is not a valid source or destination`, {
    remedy: `${meant === undefined ? '' : `Did you mean ${meant}:? `}Use ${forms}; a name without a prefix is in a registry.`,
  })
}

function invalid(text: string, why: string): TareError {
  return new TareError('TRANSPORT_INVALID', `invalid transport "${text}": ${why}`, { remedy: `Use ${forms}.` })
}
