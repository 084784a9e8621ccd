import { statSync } from 'node:fs'
import { join } from 'node:path'
import { TareError } from '../../support/index.ts'
import { findImage, type Host } from '../index.ts'
import { type PathAlone, parseTransport, type Transport } from '../transports/index.ts'

/** Where an image is that is to be looked into. */
export interface Place {
  readonly transport: Transport | PathAlone
  /** It is a name alone, of which neither the store nor the disk knows: it is left for the registry. */
  readonly guessed: boolean
}

/**
 * What a user means by a name: with a transport, that place; `./app.tar` or `/path`, a file or a folder; a name alone, an image of the
 * store by name or ID, else an archive or a layout at that path, else an image of a registry.
 */
export function findPlace(host: Host, text: string): Place {
  if (/^(?:docker:\/\/|store:|oci:|oci-archive:|docker-archive:)/.test(text)) return sure(parseTransport(text))
  if (/^\.{0,2}[/\\]|^[A-Za-z]:[/\\]/.test(text)) return sure(pathAlone(text))
  if (isInStore(host, text)) return sure({ kind: 'store', text })
  if (holdsImage(text)) return sure({ kind: 'path', path: text })
  return { transport: parseTransport(text), guessed: true }
}

function sure(transport: Place['transport']): Place {
  return { transport, guessed: false }
}

function pathAlone(text: string): PathAlone {
  if (statSync(text, { throwIfNoEntry: false }) !== undefined) return { kind: 'path', path: text }
  const colon = text.indexOf(':', /^[A-Za-z]:/.test(text) ? 2 : 0)
  return colon < 0
    ? { kind: 'path', path: text }
    : { kind: 'path', path: text.slice(0, colon), label: text.slice(colon + 1) }
}

function isInStore(host: Host, text: string): boolean {
  try {
    findImage(host.store, text, host.platform)
    return true
  } catch (error) {
    if (error instanceof TareError && error.code === 'IMAGE_UNKNOWN') return false
    throw error
  }
}

/** A file, or a folder that is a layout: a folder may have the name of an image by chance. */
function holdsImage(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat?.isDirectory() !== true) return stat?.isFile() === true
  return ['index.json', 'manifest.json'].some((name) => statSync(join(path, name), { throwIfNoEntry: false })?.isFile())
}
