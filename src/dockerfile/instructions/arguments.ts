import type { TareError } from '../../support/index.ts'
import { refusal } from '../language/index.ts'
import type { Phrase } from '../syntax/index.ts'

/** Returns the word of an instruction that takes exactly one. */
export function onlyWord({ kind, words }: Phrase): string {
  const [word] = words
  if (words.length === 1 && word !== undefined) return word
  throw refusal('DOCKERFILE_ARGUMENTS', `${kind} requires exactly one argument`)
}

export function atLeastOne(kind: string, words: readonly unknown[]): void {
  if (words.length === 0) throw refusal('DOCKERFILE_ARGUMENTS', `${kind} requires at least one argument`)
}

export function blankName(kind: string): TareError {
  return refusal('DOCKERFILE_ARGUMENTS', `${kind} names can not be blank`)
}
