import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Files of a certificate and its key, PEM. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/** Makes a certificate for names of this machine (`IP:127.0.0.1,DNS:localhost`) with openssl, in `folder`: signed by `authority`, else by itself. Of those signed, negative `days` make one that has expired. */
export function makeCertificate(
  folder: string,
  name: string,
  authority?: CertificateFiles,
  names = 'IP:127.0.0.1,IP:0.0.0.0,IP:::1,DNS:localhost',
  days = 2,
): CertificateFiles {
  const made = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', made.key]
  const about = ['-subj', `/CN=${name}`]
  if (authority === undefined)
    openssl('req', '-x509', ...key, ...about, '-days', '2', '-out', made.cert, '-addext', `subjectAltName=${names}`)
  else {
    openssl('req', ...key, ...about, '-out', `${name}.csr`)
    writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${names}`)
    const signer = [
      '-CA',
      authority.cert,
      '-CAkey',
      authority.key,
      '-CAcreateserial',
      '-extfile',
      `${name}.ext`,
      '-days',
      String(days),
    ]
    openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-out', made.cert)
  }
  return made
}
