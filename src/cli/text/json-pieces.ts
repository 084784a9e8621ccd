const batch = 1000

/**
 * Yields the same text as `JSON.stringify(document, undefined, 2)`, in pieces: lists of hundreds of thousands would be more than a
 * hundred megabytes at once.
 */
export function* jsonPieces(document: object): Generator<string> {
  let separator = '{\n'
  for (const [key, value] of Object.entries(document)) {
    const text = Array.isArray(value) && value.length > batch ? undefined : JSON.stringify(value, undefined, 2)
    if (text === undefined && !Array.isArray(value)) continue
    yield `${separator}  ${JSON.stringify(key)}: `
    separator = ',\n'
    if (text !== undefined) yield text.replaceAll('\n', '\n  ')
    else yield* listPieces(value)
  }
  yield separator === '{\n' ? '{}' : '\n}'
}

function* listPieces(list: readonly unknown[]): Generator<string> {
  for (let at = 0; at < list.length; at += batch) {
    const text = JSON.stringify(list.slice(at, at + batch), undefined, 2)
    // Without the brackets around it.
    yield (at === 0 ? '[' : ',') + text.slice(1, -2).replaceAll('\n', '\n  ')
  }
  yield '\n  ]'
}
