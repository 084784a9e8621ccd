import { execFileSync } from 'node:child_process'
import { createSign, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** A server of tokens as distribution believes them. (its "Token Authentication Specification" and "Implementation") */
export interface TokenServer {
  /** What distribution's config says of it. */
  readonly auth: string
  /** Scopes, as they were asked for. */
  readonly asked: string[]
  stop(): void
}

/**
 * Starts one that knows ada, whose password is `secret`. `allow` says which actions somebody has on a repository; nobody
 * is the empty string. openssl makes its certificate, in `folder`.
 */
export async function startTokenServer(
  folder: string,
  allow: (user: string, repository: string) => readonly string[],
): Promise<TokenServer> {
  const [key, cert] = [join(folder, 'token.key'), join(folder, 'token.crt')]
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=tokens']
  execFileSync('openssl', [...args, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  const chain = [new X509Certificate(readFileSync(cert)).raw.toString('base64')]
  const asked: string[] = []
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url!, 'http://tokens')
    const [user = '', password] = userOf(request.headers.authorization)
    if (user !== '' && (user !== 'ada' || password !== 'secret')) {
      response.writeHead(401).end('{"details":"incorrect username or password"}')
      return
    }
    const access = searchParams.getAll('scope').map((scope) => {
      asked.push(scope)
      const [, type, name = '', actions = ''] = /^(\w+):(.+):([\w,*]+)$/.exec(scope) ?? []
      const allowed = allow(user, name)
      return { type, name, actions: actions.split(',').filter((action) => allowed.includes(action)) }
    })
    const now = Math.floor(Date.now() / 1000)
    const times = { iat: now, nbf: now - 10, exp: now + 300 }
    const claims = { iss: 'test', sub: user, aud: 'test', jti: String(asked.length), ...times, access }
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const text = `${part({ typ: 'JWT', alg: 'RS256', x5c: chain })}.${part(claims)}`
    const signature = createSign('RSA-SHA256').update(text).sign(readFileSync(key)).toString('base64url')
    response.end(JSON.stringify({ token: `${text}.${signature}`, expires_in: 300 }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`
  return {
    auth: `auth: {token: {realm: "${realm}", service: test, issuer: test, rootcertbundle: ${JSON.stringify(cert)}}}`,
    asked,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function userOf(authorization = ''): readonly string[] {
  const [, text = ''] = /^Basic (.*)$/.exec(authorization) ?? []
  return Buffer.from(text, 'base64').toString('utf8').split(':')
}
