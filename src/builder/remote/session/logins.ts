import { createHmac, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { filesync } from '../../../buildkit/index.ts'
import { GrpcError, type Handlers, statusCodes, unary } from '../../../net/grpc/index.ts'

/** How an engine is let in at a registry. */
export type OfferedLogin =
  /** `identity` tells logins apart, and nothing else. Rejects for scopes that the build has no use for. */
  | {
      readonly kind: 'token'
      readonly identity: string
      readonly token: (scopes: readonly string[]) => Promise<{ readonly text: string; readonly expires: number }>
    }
  | { readonly kind: 'password'; readonly user: string; readonly password: string }

/**
 * Lets the engine in where the build has a login. `find` takes a host as engines name it. Where tokens are used, they are fetched
 * here: only where there are none is the password given away.
 */
export function loginsService(find: (host: string) => Promise<OfferedLogin | undefined>): Handlers {
  const { method } = filesync.Auth
  const byToken = async (host: string) => {
    const login = await find(host)
    if (login?.kind === 'token') return login
    // An engine then asks for the password, and goes on without one.
    throw new GrpcError(statusCodes.unavailable, `no tokens for ${host}`)
  }
  return [
    unary(method.getTokenAuthority, async ({ host, salt }) => {
      const { identity } = await byToken(host)
      return { publicKey: publicBytes(keyOf(identity, salt)) }
    }),
    unary(method.verifyTokenAuthority, async ({ host, payload, salt }) => {
      const { identity } = await byToken(host)
      // (NaCl, crypto_sign: the signature, then the message)
      return { signed: Buffer.concat([sign(null, payload, keyOf(identity, salt)), payload]) }
    }),
    unary(method.fetchToken, async ({ host, scopes }) => {
      // The realm that the engine names is not asked: it would get the password.
      const { text, expires } = await (await byToken(host)).token(scopes)
      const now = Date.now()
      return {
        token: text,
        expiresIn: BigInt(Math.max(1, Math.floor((expires - now) / 1000))),
        issuedAt: BigInt(Math.floor(now / 1000)),
      }
    }),
    unary(method.credentials, async ({ host }) => {
      const login = await find(host)
      return login?.kind === 'password' ? { username: login.user, secret: login.password } : {}
    }),
  ]
}

// (RFC 8410: what stands before an Ed25519 key)
const privateHead = Buffer.from('302e020100300506032b657004220420', 'hex')

/** The same for the same login, so that an engine can tell that a token it has is ours. */
function keyOf(identity: string, salt: Uint8Array): KeyObject {
  const seed = createHmac('sha256', salt).update(identity).digest()
  return createPrivateKey({ key: Buffer.concat([privateHead, seed]), format: 'der', type: 'pkcs8' })
}

function publicBytes(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
}
