import type { Environment } from '../../../net/index.ts'
import { TareError } from '../../../support/index.ts'
import { askHelper, type Secret } from './credential-helper.ts'
import { findCredentials } from './credentials.ts'
import type { Credentials } from './types.ts'

/** What is known of a registry, and which helper failed on the way. */
export interface Login {
  readonly credentials?: Credentials | undefined
  readonly failure?: TareError | undefined
}

interface Answer {
  readonly secret?: Secret | undefined
  readonly failure?: TareError | undefined
}

// Long enough for a command; what a cloud hands out lives longer.
const memoryInMs = 300_000
const answers = new WeakMap<Environment, Map<string, { readonly at: number; readonly answer: Promise<Answer> }>>()

/**
 * As `findCredentials`; but a helper that fails is told, and passed over: much can be read by anybody. Helpers are asked once in
 * a while only, since some take seconds.
 */
export async function findLogin(registry: string, repository: string, environment: Environment): Promise<Login> {
  let failure: TareError | undefined
  const failed = new Set<string>()
  const credentials = await findCredentials(registry, repository, environment, async (helper, server) => {
    // One that hangs would do so under each name of the registry.
    if (failed.has(helper)) return undefined
    const answer = await remembered(helper, server, environment)
    if (answer.failure !== undefined) failed.add(helper)
    failure ??= answer.failure
    return answer.secret
  })
  return { credentials, failure }
}

/** To be called after a login or logout: helpers know something else now. */
export function forgetAnswers(environment: Environment): void {
  answers.delete(environment)
}

function remembered(helper: string, server: string, environment: Environment): Promise<Answer> {
  const known = answers.get(environment) ?? new Map()
  answers.set(environment, known)
  const key = `${helper} ${server}`
  const last = known.get(key)
  if (last !== undefined && Date.now() - last.at < memoryInMs) return last.answer
  const answer = askHelper(helper, server, environment).then(
    (secret): Answer => ({ secret }),
    (error: unknown): Answer => {
      if (error instanceof TareError) return { failure: error }
      throw error
    },
  )
  known.set(key, { at: Date.now(), answer })
  return answer
}
