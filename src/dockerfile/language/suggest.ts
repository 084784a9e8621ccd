import { editDistance } from '../../support/index.ts'

/**
 * Returns the option that was probably meant: the nearest within two edits. Undefined if the word is itself an option, since the
 * mistake is then elsewhere. (BuildKit, util/suggest)
 */
export function suggest(word: string, options: Iterable<string>, anyCase = false): string | undefined {
  const fold = (text: string): string => (anyCase ? text.toLowerCase() : text)
  const wanted = [...fold(word)]
  let best: string | undefined
  let least = 3
  for (const option of options) {
    if (fold(option) === fold(word)) return undefined
    const distance = editDistance(wanted, [...fold(option)], least)
    if (distance < least) {
      best = option
      least = distance
    }
  }
  if (best === undefined || !anyCase) return best
  if (word === word.toLowerCase()) return best.toLowerCase()
  return word === word.toUpperCase() ? best.toUpperCase() : best
}

/** Returns ` (did you mean X?)` or an empty string. */
export function didYouMean(word: string, options: Iterable<string>, anyCase = false): string {
  const meant = suggest(word, options, anyCase)
  return meant === undefined ? '' : ` (did you mean ${meant}?)`
}
