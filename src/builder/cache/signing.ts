import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { goJson } from '../../oci/index.ts'
import { messageOf, TareError } from '../../support/index.ts'
import { type CachedStep, statement } from './document.ts'

/** Signs steps with a private key. */
export interface Signer {
  sign(step: CachedStep): string
  /** Whether the step has a valid signature of the same key. */
  isOwn(step: CachedStep): boolean
}

/** Reads an Ed25519 private key in PEM. Throws `KEY_INVALID`. */
export function readSigner(path: string): Signer {
  const key = readKey(path, 'private', createPrivateKey)
  const own = createPublicKey(key)
  return {
    sign: (step) => sign(null, signed(step), key).toString('base64'),
    isOwn: (step) => isSigned(step, own),
  }
}

/** Reads an Ed25519 public key in PEM; returns whether a step is signed with it. Throws `KEY_INVALID`. */
export function readVerifier(path: string): (step: CachedStep) => boolean {
  const key = readKey(path, 'public', createPublicKey)
  return (step) => isSigned(step, key)
}

function isSigned(step: CachedStep, key: KeyObject): boolean {
  return step.signature !== undefined && verify(null, signed(step), key, Buffer.from(step.signature, 'base64'))
}

// The prefix keeps the key's other signatures from being taken for one of a step.
function signed(step: CachedStep): Buffer {
  return Buffer.from(`tare cache step v1\n${goJson(statement(step))}`)
}

function readKey(path: string, kind: 'private' | 'public', read: (pem: Buffer) => KeyObject): KeyObject {
  const remedy =
    kind === 'private'
      ? `Create one: openssl genpkey -algorithm ed25519 -out ${path}`
      : `Take it from the private key: openssl pkey -in KEYFILE -pubout -out ${path}`
  let key: KeyObject
  try {
    const text = readFileSync(path)
    if (kind === 'private' && text.includes('-----BEGIN PUBLIC KEY-----'))
      throw new TareError('KEY_INVALID', `${path} holds a public key, which verifies, and signs nothing`, {
        remedy: 'Name the private key, which it was taken from.',
      })
    key = read(text)
  } catch (cause) {
    if (cause instanceof TareError) throw cause
    throw new TareError('KEY_INVALID', `cannot read the ${kind} key ${path}: ${messageOf(cause)}`, { cause, remedy })
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new TareError('KEY_INVALID', `${path} holds a key of type ${key.asymmetricKeyType}, and not Ed25519`, {
      remedy,
    })
  return key
}
