import type { From } from '../language/index.ts'
import { quote, refusal } from '../language/index.ts'
import type { Phrase } from '../syntax/index.ts'
import { given, readFlags } from '../syntax/index.ts'

const stageName = /^[a-z][a-z0-9-_.]*$/

/** `FROM [--platform=p] base [AS name]` */
export function readFrom(phrase: Phrase): Omit<From, 'where' | 'source'> {
  const [base, as, name] = phrase.words
  const named = phrase.words.length === 3 && as?.toLowerCase() === 'as'
  if (base === undefined || (!named && phrase.words.length !== 1)) {
    const message = 'FROM requires either one or three arguments'
    throw refusal('DOCKERFILE_ARGUMENTS', message, 'The syntax is FROM image, or FROM image AS name.')
  }
  if (named && !stageName.test(name!.toLowerCase())) {
    const message = `invalid name for build stage: ${quote(name!)}, name can't start with a number or contain symbols`
    throw refusal(
      'DOCKERFILE_STAGE',
      message,
      'A name consists of letters, digits, -, _ and ., and starts with a letter.',
    )
  }
  const { platform } = readFlags(phrase.flags, { platform: 'text' })
  return { kind: 'FROM', base, ...given({ platform: platform || undefined, as: named ? name : undefined }) }
}
