import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { sniff } from '../../files/compression/index.ts'
import { looksLikeTar, tarHeadLength } from '../../files/tar/index.ts'
import { TareError } from '../../support/index.ts'
import { findImage, type Host } from '../index.ts'
import { type PathAlone, parseTransport, type Transport } from '../transports/index.ts'

/** Where the image to be inspected is. */
export interface Place {
  readonly transport: Transport | PathAlone
  /** Whether it is only a name that neither the store nor the disk knows, and so is left to the registry. */
  readonly guessed: boolean
  /** A file or a folder of that name, which is no image. */
  readonly namesake?: string | undefined
}

/**
 * Finds what a user means by a name: with a transport, exactly that; `./app.tar` or `/path`, a file or a folder; a plain name, an
 * image in the store by name or ID, otherwise an archive or layout at that path, otherwise an image in a registry.
 */
export function findPlace(host: Host, text: string): Place {
  if (/^(?:docker:\/\/|store:|oci:|oci-archive:|docker-archive:)/.test(text)) return sure(parseTransport(text))
  if (/^\.{0,2}[/\\]|^[A-Za-z]:[/\\]/.test(text)) return sure(pathAlone(text))
  if (isInStore(host, text)) return sure({ kind: 'store', text })
  if (holdsImage(text)) return sure({ kind: 'path', path: text })
  const labelled = pathAlone(text)
  if (archiveName.test(labelled.path) && isFile(labelled.path)) return sure(labelled)
  const namesake = statSync(text, { throwIfNoEntry: false }) === undefined ? undefined : text
  return { transport: parseTransport(text), guessed: true, namesake }
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

const archiveName = /\.(?:tar(?:\.(?:gz|bz2|xz|zst))?|tgz|tbz2?|txz|tzst)$/i

/** Whether a file or folder may be an image: it may have the name of a registry's image by chance. */
function holdsImage(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  // What is called an archive is meant as one, also if it is empty or damaged.
  if (stat?.isFile() === true) return archiveName.test(path) || looksLikeArchive(headOf(path, tarHeadLength))
  if (stat?.isDirectory() !== true) return false
  // A web app may have a manifest.json too; an image's is a list.
  return isFile(join(path, 'oci-layout')) || /^\s*\[/.test(headOf(join(path, 'manifest.json'), 100).toString('latin1'))
}

function looksLikeArchive(head: Buffer): boolean {
  return looksLikeTar(head) || sniff(head) !== 'none'
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

/** Returns the first bytes of a file, or none if it cannot be read. */
function headOf(path: string, length: number): Buffer {
  const head = Buffer.alloc(length)
  try {
    if (!isFile(path)) return head.subarray(0, 0)
    const fd = openSync(path, 'r')
    try {
      return head.subarray(0, readSync(fd, head, 0, length, 0))
    } finally {
      closeSync(fd)
    }
  } catch {
    return head.subarray(0, 0)
  }
}
