/**
 * The option that was probably meant: at most two edits away, the nearest first. None if the word is one of the options,
 * for then the mistake is elsewhere. (BuildKit, util/suggest)
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

/** ` (did you mean X?)`, or nothing. */
export function didYouMean(word: string, options: Iterable<string>, anyCase = false): string {
  const meant = suggest(word, options, anyCase)
  return meant === undefined ? '' : ` (did you mean ${meant}?)`
}

/** Levenshtein's distance, or `limit` when it is not less. */
function editDistance(a: readonly string[], b: readonly string[], limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return Math.min(row[b.length]!, limit)
}
