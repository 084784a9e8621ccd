import type { Operation, Plan } from '../build/plan/index.ts'
import type { Snapshot } from '../build/solve/index.ts'
import type { LayerAtRest } from '../files/layer/index.ts'
import type { Digest } from '../oci/index.ts'
import { type Reporter, TareError } from '../support/index.ts'
import { findLeak, type Needle } from './find-leaks.ts'
import { needleOf, type Secret, shortest } from './secrets.ts'

const remedy =
  'Whoever has the image has the secret. Do not write it into a file that stays; --allow-secret-leak builds it all the same.'

/** What is to be looked for, of the secrets; says of those that are too short that nobody looks for them. */
export function needlesOf(secrets: readonly Secret[], report: Reporter): Needle[] {
  return secrets.flatMap((secret) => {
    const bytes = needleOf(secret)
    if (bytes !== undefined) return { id: secret.id, bytes }
    report({
      type: 'warning',
      rule: 'ShortSecret',
      message: `Secret "${secret.id}" is shorter than ${shortest} bytes: nobody looks whether the image holds it`,
    })
    return []
  })
}

export interface LeakSearch {
  readonly needles: readonly Needle[]
  readonly atRest: (diffId: Digest) => LayerAtRest
  /** Forgets the steps that made the layer. */
  readonly forget: (diffId: Digest) => void
}

/** Looks through the layers that the plan adds to its output, also those that were remembered. Throws `SECRET_LEAKED`. */
export function refuseLeaks(
  { operations, output }: Plan,
  snapshots: readonly (Snapshot | undefined)[],
  { needles, atRest, forget }: LeakSearch,
): void {
  for (let id: number | undefined = output.root; id !== undefined; ) {
    const operation: Operation = operations[id]!
    if (!('onto' in operation)) return
    const [here, below] = [snapshots[id]!, snapshots[operation.onto]!]
    for (const { diffId } of here.layers.slice(below.layers.length)) {
      const leak = findLeak(atRest(diffId), needles)
      if (leak === undefined) continue
      forget(diffId)
      throw new TareError('SECRET_LEAKED', `secret "${leak.id}" is in ${leak.path}, which ${operation.title} wrote`, {
        where: operation.where,
        remedy,
      })
    }
    id = operation.onto
  }
}

/** The same for the image's config: environment, labels, history. */
export function refuseLeaksInConfig(config: Uint8Array, needles: readonly Needle[]): void {
  const text = Buffer.from(config)
  for (const { id, bytes } of needles)
    if (
      text.includes(Buffer.from(bytes)) ||
      text.includes(JSON.stringify(Buffer.from(bytes).toString('utf8')).slice(1, -1))
    )
      throw new TareError(
        'SECRET_LEAKED',
        `secret "${id}" is in the config of the image: in ENV, LABEL, ARG or a command`,
        {
          remedy,
        },
      )
}
