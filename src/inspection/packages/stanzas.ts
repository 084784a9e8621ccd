/** Fields of one stanza by their lower-case names; of a name that is there more than once, each in turn. */
export type Stanza = ReadonlyMap<string, readonly string[]>

/**
 * The stanzas of a text in the form of mail headers, as dpkg and Python write them: `Name: value`, continued by lines that
 * begin with a blank, parted by empty lines. Lines that are neither are skipped.
 */
export function* readStanzas(text: string): Generator<Stanza> {
  let fields = new Map<string, string[]>()
  let last: string[] | undefined
  for (const line of linesOf(text)) {
    if (line === '') {
      if (fields.size > 0) yield fields
      fields = new Map()
      last = undefined
    } else if (line.startsWith(' ') || line.startsWith('\t')) {
      if (last !== undefined) last[last.length - 1] += `\n${line.slice(1)}`
    } else {
      const colon = line.indexOf(':')
      if (colon <= 0) continue
      const name = line.slice(0, colon).toLowerCase()
      last = fields.get(name) ?? []
      last.push(line.slice(colon + 1).trim())
      fields.set(name, last)
    }
  }
  if (fields.size > 0) yield fields
}

/** The first value of a field; empty where it is not there. */
export function field(stanza: Stanza, name: string): string {
  return stanza.get(name)?.[0] ?? ''
}

/** The text's lines, without their ends, one at a time: a database may have a million. */
export function* linesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start)
    const line = text.slice(start, end < 0 ? text.length : end)
    yield line.endsWith('\r') ? line.slice(0, -1) : line
    start = end < 0 ? text.length : end + 1
  }
}
