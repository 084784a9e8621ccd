import { readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import type { Environment } from './types.ts'

/**
 * Certificates of authorities to trust for a registry: SSL_CERT_FILE, and `*.crt` of the registry's folder in Docker's
 * and podman's certs.d. Undefined where there are none besides those that Node knows.
 */
export function readAuthorities(host: string, environment: Environment): readonly string[] | undefined {
  const home = environment['HOME'] || homedir()
  const folders = ['/etc/docker/certs.d', '/etc/containers/certs.d', join(home, '.config/containers/certs.d')]
  const found = folders.flatMap((folder) => certificatesIn(join(folder, host)))
  const named = environment['SSL_CERT_FILE']
  if (named) found.push(...readIfThere(named))
  return found.length === 0 ? undefined : [...rootCertificates, ...found]
}

function certificatesIn(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.crt'))
    return names.flatMap((name) => readIfThere(join(folder, name)))
  } catch {
    return []
  }
}

function readIfThere(path: string): string[] {
  try {
    return [readFileSync(path, 'utf8')]
  } catch {
    return []
  }
}
