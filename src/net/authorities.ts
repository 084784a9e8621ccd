import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { rootCertificates } from 'node:tls'
import type { Environment } from './environment.ts'

// Where Linux systems keep what they trust, as Go looks for it: Debian and Alpine, Fedora, SUSE, CentOS.
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
 * The authorities that variables name: SSL_CERT_FILE, SSL_CERT_DIR, NODE_EXTRA_CA_CERTS. As other programs do, what is not there or
 * is none is passed over: these variables are not said to tare alone.
 */
export function namedAuthorities(environment: Environment): readonly string[] {
  const files = [environment['SSL_CERT_FILE'], environment['NODE_EXTRA_CA_CERTS']].filter((path) => path !== undefined)
  const folders = (environment['SSL_CERT_DIR'] ?? '').split(delimiter).filter((folder) => folder !== '')
  // OpenSSL's folders have each certificate a second time, as a link named by its hash.
  const paths = new Set([...files.filter(Boolean), ...folders.flatMap(filesIn)].map(realPath))
  return [...paths].flatMap(certificatesIn)
}

/** All that anybody trusts: those of Node, of the system (the first of `bundles` that has any), and `more`; each once. */
export function allAuthorities(more: readonly string[], bundles: readonly string[] = systemBundles): string[] {
  const system = bundles.map(certificatesIn).find(({ length }) => length > 0) ?? []
  const known = new Map<string, string>()
  for (const text of [...rootCertificates, ...system, ...more]) known.set(text.replace(/\s+/g, ''), text)
  return [...known.values()]
}

/** The certificates of a PEM file; none of one that cannot be read. */
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
