import { readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { messageOf, systemCode, TareError } from '../support/index.ts'
import { namedAuthorities } from './authorities.ts'
import type { Environment } from './environment.ts'

/** Additional CAs and client certificates for a server, as PEM. */
export interface Trust {
  readonly authorities: readonly string[]
  /** Client certificates, with their keys in the same order. */
  readonly cert?: string[]
  readonly key?: string[]
}

/** Settings for one endpoint, never sent to another. */
export interface HostSettings {
  /** Such as `https://mirror.example`. Settings apply to exactly this origin, so not to the same host over http. */
  readonly origin: string
  /** CA files (PEM). */
  readonly authorities: readonly string[]
  /** Client certificate files. Without `key`, the key is in the same file. */
  readonly pairs: readonly { readonly cert: string; readonly key?: string | undefined }[]
  readonly headers: Readonly<Record<string, string | readonly string[]>>
}

/** Loads the certificates named by such settings. Throws `CERTIFICATES_INVALID`. */
export function trustOf({ authorities, pairs }: Pick<HostSettings, 'authorities' | 'pairs'>): Trust {
  const read = pairs.map(({ cert, key = cert }) => pairOf(cert, key))
  return {
    authorities: authorities.map(authorityOf),
    ...(read.length === 0 ? {} : { cert: read.map(({ cert }) => cert), key: read.map(({ key }) => key) }),
  }
}

/**
 * Reads a host's folders in Docker's and podman's certs.d (`*.crt` are CAs, `*.cert` and `*.key` client certificates), and the CAs named by
 * environment variables. Throws `CERTIFICATES_INVALID`.
 */
export function readTrust(host: string, environment: Environment): Trust {
  const own = environment['XDG_CONFIG_HOME'] || join(environment['HOME'] || homedir(), '.config')
  const roots = ['/etc/docker', '/etc/containers', join(own, 'docker'), join(own, 'containers')]
  const folders = roots.map((root) => join(root, 'certs.d', host))
  const pairs = folders.flatMap(pairsIn)
  return {
    authorities: [...folders.flatMap(authoritiesIn), ...namedAuthorities(environment)],
    ...(pairs.length === 0 ? {} : { cert: pairs.map(({ cert }) => cert), key: pairs.map(({ key }) => key) }),
  }
}

function authoritiesIn(folder: string): string[] {
  return namesIn(folder, '.crt').map((name) => authorityOf(join(folder, name)))
}

function authorityOf(path: string): string {
  const text = read(path)
  if (!text.includes(begin)) throw invalid(`${path} has no certificate`, undefined)
  return text
}

function pairsIn(folder: string): { readonly cert: string; readonly key: string }[] {
  const certs = namesIn(folder, '.cert')
  const keys = namesIn(folder, '.key')
  for (const key of keys)
    if (!certs.includes(`${key.slice(0, -'.key'.length)}.cert`))
      throw invalid(
        `${join(folder, key)} has no matching certificate`,
        'Put the certificate next to it, with the same name and the extension .cert.',
      )
  return certs.map((name) => {
    const path = join(folder, name)
    const keyName = `${name.slice(0, -'.cert'.length)}.key`
    if (!keys.includes(keyName))
      throw invalid(
        `${path} has no ${keyName} beside it`,
        'Put its key next to it. A CA certificate has the extension .crt.',
      )
    return pairOf(path, join(folder, keyName))
  })
}

function pairOf(path: string, keyPath: string): { readonly cert: string; readonly key: string } {
  const pair = { cert: read(path), key: read(keyPath) }
  try {
    createSecureContext(pair)
  } catch (cause) {
    const both = path === keyPath ? `${path} is` : `${path} and ${basename(keyPath)} are`
    throw invalid(`${both} no certificate and its key: ${messageOf(cause)}`, undefined)
  }
  return pair
}

const begin = '-----BEGIN '

function namesIn(folder: string, ending: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(ending))
    return names.sort()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return []
    throw invalid(`cannot read ${folder}: ${messageOf(error)}`, undefined)
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw invalid(`cannot read ${path}: ${messageOf(error)}`, undefined)
  }
}

function invalid(message: string, remedy = 'Make it readable PEM, or remove it.'): TareError {
  return new TareError('CERTIFICATES_INVALID', message, { remedy })
}
