import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { rootCertificates } from 'node:tls'
import type { Environment } from './environment.ts'

// The CA bundles of Debian and Alpine, Fedora, SUSE and CentOS, in Go's order.
const systemBundles =
  process.platform !== 'linux'
    ? []
    : [
        '/etc/ssl/certs/ca-certificates.crt',
        '/etc/pki/tls/certs/ca-bundle.crt',
        '/etc/ssl/ca-bundle.pem',
        '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
        '/etc/ssl/cert.pem',
      ]

/**
 * Returns the CA files named by SSL_CERT_FILE, SSL_CERT_DIR and NODE_EXTRA_CA_CERTS. Missing or invalid files are ignored, as other programs do:
 * these variables are not meant for tare alone.
 */
export function namedAuthorities(environment: Environment): readonly string[] {
  const files = [environment['SSL_CERT_FILE'], environment['NODE_EXTRA_CA_CERTS']].filter((path) => path !== undefined)
  const folders = (environment['SSL_CERT_DIR'] ?? '').split(delimiter).filter((folder) => folder !== '')
  // OpenSSL's directories list each certificate twice: also as a symlink named by its hash.
  const paths = new Set([...files.filter(Boolean), ...folders.flatMap(filesIn)].map(realPath))
  return [...paths].flatMap(certificatesIn)
}

/** Returns all known CAs, each once: Node's, the system's (the first of `bundles` that has any) and `more`. */
export function allAuthorities(more: readonly string[], bundles: readonly string[] = systemBundles): string[] {
  const system = bundles.map(certificatesIn).find(({ length }) => length > 0) ?? []
  const known = new Map<string, string>()
  for (const text of [...rootCertificates, ...system, ...more]) known.set(text.replace(/\s+/g, ''), text)
  return [...known.values()]
}

/** Returns the certificates of a PEM file, or none if it cannot be read. */
function certificatesIn(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').match(pem) ?? []
  } catch {
    return []
  }
}

const pem = /-----BEGIN (X509 |)CERTIFICATE-----[^-]*-----END \1CERTIFICATE-----/g

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name))
  } catch {
    return []
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
