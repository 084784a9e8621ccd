import type { Environment } from '../../../net/index.ts'
import { TareError } from '../../../support/index.ts'
import { askHelper, type Secret } from './credential-helper.ts'
import { findCredentials } from './credentials.ts'
import type { Credentials } from './types.ts'

/** A registry's login, and the helper that failed, if any. */
export interface Login {
  readonly credentials?: Credentials | undefined
  readonly failure?: TareError | undefined
}

interface Answer {
  readonly secret?: Secret | undefined
  readonly failure?: TareError | undefined
}

// Long enough for one command; tokens from clouds live longer.
const memoryInMs = 300_000
const answers = new WeakMap<Environment, Map<string, { readonly at: number; readonly answer: Promise<Answer> }>>()

/**
 * Like `findCredentials`, but reports a failing helper instead of throwing, since much can be read anonymously. Results of
 * helpers are cached for a while, because some take seconds.
 */
export async function findLogin(registry: string, repository: string, environment: Environment): Promise<Login> {
  let failure: TareError | undefined
  const failed = new Set<string>()
  const credentials = await findCredentials(registry, repository, environment, async (helper, server) => {
    // A helper that hangs would do so for each of the registry's names.
    if (failed.has(helper)) return undefined
    const answer = await remembered(helper, server, environment)
    if (answer.failure !== undefined) failed.add(helper)
    failure ??= answer.failure
    return answer.secret
  })
  return { credentials, failure }
}

/** Must be called after a login or logout, which changes what helpers return. */
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
