import type { BuildOptions, BuildWarning } from '../../api/index.ts'
import type { Snapshot } from '../../content/layers/index.ts'
import type { Store } from '../../content/store/index.ts'
import type { StoredLayer } from '../../files/layer/index.ts'
import { layerOfStep } from '../../images/index.ts'
import type { Digest } from '../../oci/index.ts'
import { type Reporter, type SourceRange, TareError } from '../../support/index.ts'
import type { Operation, Plan } from '../plan/index.ts'
import { findLeaks, type Needle } from './find-leaks.ts'
import { needleOf, type ReadSecret, shortest } from './secrets.ts'

/** A secret found in an image. */
export interface ImageLeak {
  /** Which secret, in which file of which step. */
  readonly message: string
  readonly where?: SourceRange | undefined
  /** The layer containing it. */
  readonly diffId?: Digest
}

/** Returns what to search for; reports secrets that are too short. */
export function needlesOf(secrets: readonly ReadSecret[], report: Reporter): Needle[] {
  return secrets.flatMap((secret) => {
    const bytes = needleOf(secret)
    if (bytes !== undefined) return { id: secret.id, bytes }
    report({
      type: 'warning',
      rule: 'ShortSecret',
      message: `Secret "${secret.id}" is shorter than ${shortest} bytes, so the image is not searched for it`,
    })
    return []
  })
}

/** Returns what to do if the image contains a secret. Only the caller can allow it; a Dockerfile can only be stricter. */
export function leakPolicy(options: BuildOptions, checksAreErrors: boolean): 'error' | 'warn' | 'allow' {
  const asked = options.secretLeak ?? 'warn'
  return asked === 'warn' && checksAreErrors ? 'error' : asked
}

/** A plan, the results of its operations, and the image's documents. */
export type ImageParts = readonly [
  plan: Plan,
  snapshots: readonly (Snapshot | undefined)[],
  documents: readonly { readonly what: 'config' | 'manifest'; readonly bytes: Uint8Array }[],
]

export interface LeakSearch {
  readonly needles: readonly Needle[]
  readonly policy: 'error' | 'warn' | 'allow'
  readonly storedLayer: (diffId: Digest) => StoredLayer
  readonly store: Store
  readonly signal: AbortSignal
  readonly report: Reporter
}

/**
 * Searches an image for secrets and warns of each. If they are errors, throws `SECRET_LEAKED` and removes the steps from the
 * cache.
 */
export async function searchImage(image: ImageParts, search: LeakSearch): Promise<readonly ImageLeak[]> {
  const { needles, policy, report, store } = search
  if (policy === 'allow' || needles.length === 0) return []
  const [plan, snapshots, documents] = image
  const leaks = [
    ...(await leaksInLayers(plan, snapshots, search)),
    ...documents.flatMap(({ what, bytes }) => leaksInDocument(bytes, needles, what)),
  ]
  const [first] = leaks
  if (policy === 'error' && first !== undefined) {
    for (const { diffId } of leaks) if (diffId !== undefined) forgetStepsOf(store, diffId)
    throw new TareError('SECRET_LEAKED', first.message, { where: first.where, remedy })
  }
  for (const { message, where } of leaks) report({ type: 'warning', rule: leakRule, message, where })
  return leaks
}

/** Searches the layers that the plan adds to its output, including cached ones. */
async function leaksInLayers(
  { operations, output }: Plan,
  snapshots: readonly (Snapshot | undefined)[],
  { needles, storedLayer, signal }: LeakSearch,
): Promise<readonly ImageLeak[]> {
  const found: ImageLeak[] = []
  for (let id: number | undefined = output.root; id !== undefined; ) {
    const operation: Operation = operations[id]!
    if (!('onto' in operation)) break
    const [here, below] = [snapshots[id]!, snapshots[operation.onto]!]
    for (const { diffId } of here.layers.slice(below.layers.length))
      for (const leak of await findLeaks(storedLayer(diffId), needles, signal))
        found.unshift({
          message: masked(`secret "${leak.id}" is in ${leak.path}, written by ${operation.title}`, needles),
          where: operation.where,
          diffId,
        })
    id = operation.onto
  }
  return found
}

/** A file's name may itself contain a secret. */
function masked(message: string, needles: readonly Needle[]): string {
  return needles.reduce((text, { bytes }) => text.replaceAll(Buffer.from(bytes).toString('utf8'), '***'), message)
}

function forgetStepsOf(store: Store, diffId: Digest): void {
  for (const { key } of store.records.all('steps'))
    if (layerOfStep(store, key) === diffId) store.records.forget('steps', key)
}

/** Searches a document of the image: its config with environment and history, or its manifest with annotations. */
export function leaksInDocument(bytes: Uint8Array, needles: readonly Needle[], what: string): readonly ImageLeak[] {
  const json = JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown
  return needles.flatMap(({ id, bytes: secret }) => {
    const part = partWith(json, Buffer.from(secret).toString('utf8'), '')
    return part === undefined ? [] : { message: `secret "${id}" is in the ${what} of the image, in ${part}` }
  })
}

/** Returns the path to a text in a document: `config.Env[0]`. */
function partWith(value: unknown, text: string, path: string): string | undefined {
  if (typeof value === 'string') return value.includes(text) ? path : undefined
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, member] of Object.entries(value)) {
    const name = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`
    // A member's name that contains the secret is not repeated.
    const found = key.includes(text) ? path : partWith(member, text, name)
    if (found !== undefined) return found
  }
  return undefined
}

const remedy =
  'Anyone who has the image has the secret. Do not write it to files that end up in the image; --secret-leak=allow builds the image anyway.'

export function leakWarning({ message, where }: ImageLeak): BuildWarning {
  return { rule: leakRule, message, ...(where === undefined ? {} : { line: where.line }) }
}

const leakRule = 'SecretLeaked'
