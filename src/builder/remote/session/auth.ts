import { createHmac, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { filesync } from '../../../buildkit/index.ts'
import { type Handlers, unary } from '../../../net/grpc/index.ts'

/** What this build may be asked of registries. */
export interface Authority {
  /** Something only this machine knows. */
  readonly key: Uint8Array
  /** A text that changes with the login for a registry; undefined without one. */
  fingerprint(host: string): Promise<string | undefined>
  /** Fetches a token of just these scopes. */
  token(request: {
    readonly host: string
    readonly realm: string
    readonly service: string
    readonly scopes: readonly string[]
  }): Promise<{ readonly text: string; readonly expires: number }>
  /** The user and password for a registry, if this build lets an engine know them. */
  password(host: string): Promise<{ readonly user: string; readonly password: string } | undefined>
}

/** Lets an engine use registries with tokens that are fetched here, so that passwords stay here. */
export function authService(authority: Authority): Handlers {
  const keyFor = async (host: string, salt: Uint8Array): Promise<KeyObject> => {
    const login = await authority.fingerprint(host)
    const seed = createHmac('sha256', salt)
      .update(login === undefined ? '' : authority.key)
      .update(login ?? '')
    return signingKey(seed.digest())
  }
  return [
    unary(filesync.Auth.method.getTokenAuthority, async ({ host, salt }) => ({
      publicKey: publicBytes(await keyFor(host, salt)),
    })),
    unary(filesync.Auth.method.verifyTokenAuthority, async ({ host, payload, salt }) => ({
      signed: Buffer.concat([sign(null, payload, await keyFor(host, salt)), payload]),
    })),
    unary(filesync.Auth.method.fetchToken, async ({ host, realm, service, scopes }) => {
      const { text, expires } = await authority.token({ host, realm, service, scopes })
      const now = Math.floor(Date.now() / 1000)
      return { token: text, expiresIn: BigInt(Math.max(0, Math.floor(expires / 1000) - now)), issuedAt: BigInt(now) }
    }),
    unary(filesync.Auth.method.credentials, async ({ host }) => {
      const found = await authority.password(host)
      return found === undefined ? {} : { username: found.user, secret: found.password }
    }),
  ]
}

// RFC 8410: the bytes around a raw key of Ed25519.
const privateHead = Buffer.from('302e020100300506032b657004220420', 'hex')

function signingKey(seed: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([privateHead, seed]), format: 'der', type: 'pkcs8' })
}

function publicBytes(key: KeyObject): Buffer {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return der.subarray(der.length - 32)
}
