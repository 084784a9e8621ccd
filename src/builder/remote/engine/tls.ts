import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import { messageOf, TareError } from '../../../support/index.ts'
import type { EngineAddress, TlsFiles } from './address.ts'

/** Reads the files of a connection. Throws `CERTIFICATES_INVALID`. */
export function secureContextOf({ text }: EngineAddress, { ca, cert, key }: TlsFiles): SecureContext {
  const read = (path: string) => {
    try {
      return readFileSync(path)
    } catch (cause) {
      throw new TareError('CERTIFICATES_INVALID', `cannot read ${path}: ${messageOf(cause)}`, { cause })
    }
  }
  const contents = {
    ...(ca === undefined ? {} : { ca: read(ca) }),
    ...(cert === undefined ? {} : { cert: read(cert) }),
    ...(key === undefined ? {} : { key: read(key) }),
  }
  try {
    return createSecureContext(contents)
  } catch (cause) {
    const paths = [ca, cert, key].filter((path) => path !== undefined).join(', ')
    throw new TareError('CERTIFICATES_INVALID', `the files for ${text} are not usable: ${messageOf(cause)}`, {
      cause,
      remedy: `They must be PEM files, and the key the one of the certificate: ${paths}.`,
    })
  }
}

/** Explains what went wrong in TLS; undefined for other errors. The codes are OpenSSL's and Node's. */
export function aboutTls(code: string, error: unknown): { readonly why: string; readonly remedy: string } | undefined {
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return { why: `its certificate is not valid now (${code})`, remedy: 'Renew it, and check the clocks.' }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return {
      why: `its certificate is for another name: ${messageOf(error)}`,
      remedy: 'Use a name that is in the certificate, or add it: ?servername=NAME.',
    }
  if (/^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_)/.test(code))
    return {
      why: `its certificate is not trusted: ${messageOf(error)} (${code})`,
      remedy: 'Name the CA that has signed it: ?ca=FILE, or ca.pem in DOCKER_CERT_PATH.',
    }
  if (/ALERT_(?:CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)/.test(code))
    return {
      why: `it requires a client certificate (${code})`,
      remedy: 'Give one: ?cert=FILE&key=FILE, or cert.pem and key.pem in DOCKER_CERT_PATH.',
    }
  if (/ALERT_.*(?:CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/.test(code))
    return {
      why: `it does not accept the client certificate (${code})`,
      remedy: 'Use one that its CA has signed, and that has not expired: ?cert=FILE&key=FILE.',
    }
  if (code === 'EPROTO' || /WRONG_VERSION_NUMBER|PACKET_LENGTH/.test(code))
    return { why: 'it does not speak TLS', remedy: 'Check the port; without encryption it is tcp://.' }
  return undefined
}
