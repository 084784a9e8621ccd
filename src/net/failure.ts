import { messageOf, systemCode, TareError } from '../support/index.ts'
import { contentOf } from './content-encoding.ts'
import type { HttpResponse } from './messages.ts'
import { ProxyFailure } from './proxies.ts'

/** Why a server could not be reached, and what may help. */
export interface Unreachable {
  readonly why: string
  readonly remedy: string
}

/** Explains a network error; returns undefined for other errors. `flag` is the command's option for servers without certificates. */
export function explainUnreachable(error: unknown, host: string, flag?: '--insecure'): Unreachable | undefined {
  if (error instanceof TareError) return undefined
  const proxy = [error, (error as { cause?: unknown } | undefined)?.cause].find((one) => one instanceof ProxyFailure)
  if (proxy !== undefined) return explainProxy(proxy)
  const code = systemCode(error) ?? systemCode((error as { cause?: unknown }).cause)
  if (code === undefined && !(error instanceof Error)) return undefined
  return { why: whyUnreachable(code, error), remedy: remedyFor(code, host, flag) }
}

// OpenSSL's codes for a server certificate we reject.
const distrust = /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT_)/
const distrusted = /ALERT_(?:BAD_CERTIFICATE|CERTIFICATE_REQUIRED|UNKNOWN_CA|CERTIFICATE_UNKNOWN|HANDSHAKE_FAILURE)/

/** Whether a connection failed because of certificates, which means that a server listens there and speaks TLS. */
export function isAboutCertificates(error: unknown): boolean {
  const code = systemCode((error as { cause?: unknown }).cause) ?? ''
  return distrust.test(code) || distrusted.test(code)
}

/** Whether a TLS error means that the server's certificate is not trusted. */
export function isDistrust(code: string | undefined): boolean {
  return code !== undefined && distrust.test(code)
}

function explainProxy({ message, cause, variable, status }: ProxyFailure): Unreachable {
  const why = cause === undefined ? message : `${message}: ${whyUnreachable(systemCode(cause), cause)}`
  if (status === 407) return { why, remedy: `Write them into ${variable}: http://USER:PASSWORD@HOST:PORT.` }
  return { why, remedy: `Check ${variable}. Hosts in NO_PROXY are reached without a proxy.` }
}

function whyUnreachable(code: string | undefined, error: unknown): string {
  if (code !== undefined && distrust.test(code)) return `its certificate is not trusted: ${messageOf(error)}`
  if (code !== undefined && distrusted.test(code)) return `the server requires a client certificate (${code})`
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused'
    case 'ENOTFOUND':
      return 'no such host'
    case 'EAI_AGAIN':
      return 'temporary failure in name resolution'
    case 'ECONNRESET':
    case 'EPIPE':
      return 'the connection broke'
    case 'ETIMEDOUT':
      return /^(?:connect|read|write) /.test(messageOf(error)) ? 'connection timed out' : messageOf(error)
    default:
      return messageOf(error)
  }
}

function remedyFor(code: string | undefined, host: string, flag: string | undefined): string {
  if (code !== undefined && distrusted.test(code))
    return `Save the certificate and its key as client.cert and client.key in ~/.config/containers/certs.d/${host}.`
  if (code !== undefined && /CERT|SIGNATURE|SSL|TLS|ISSUER/.test(code))
    return `If ${host} uses a certificate of a private CA, name that CA in SSL_CERT_FILE, or save it as ca.crt in ~/.config/containers/certs.d/${host}${flag === undefined ? '' : `; \`${flag}\` skips the check`}.`
  if (code === 'EPROTO' && flag !== undefined) return `If ${host} speaks plain HTTP, use \`${flag}\`.`
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return 'Check the name; if it is right, check the network, DNS and the proxy (HTTPS_PROXY).'
  if (code === 'ECONNREFUSED') return 'Check the name and the port.'
  return 'Check the network and HTTPS_PROXY, then try again: data already transferred is not sent again.'
}

const mostText = 64 << 10

/** Returns the beginning of a body as text, up to the point where it breaks off. */
export async function textOf(response: HttpResponse): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of contentOf(response)) {
      chunks.push(Buffer.from(chunk))
      size += chunk.length
      if (size > mostText) break
    }
  } catch {}
  return Buffer.concat(chunks).toString('utf8')
}

/** Prepares a server's text for a message: at most 500 characters, without terminal control characters. */
export function printable(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, 500)
}
