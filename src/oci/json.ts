/**
 * Serializes JSON exactly like Go's encoding/json, so that equal values have equal digests: compact (or indented by `indent` spaces), with `<`, `>`,
 * `&`, U+2028 and U+2029 escaped. Keys keep the object's order; undefined members are omitted. A Map is written as an object, for keys such as "10",
 * which JavaScript objects always put first.
 */
export function goJson(value: unknown, indent = 0): string {
  return print(value, ' '.repeat(indent), '\n') ?? 'null'
}

/** Returns the members sorted by the bytes of their keys, as Go writes a map. */
export function sortedMembers<T>(map: Readonly<Record<string, T>>): ReadonlyMap<string, T> {
  return new Map(Object.entries(map).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
}

function print(value: unknown, indent: string, line: string): string | undefined {
  if (typeof value === 'string') return printText(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const deeper = line + indent
  if (Array.isArray(value))
    return enclose(
      '[',
      value.map((item) => print(item, indent, deeper) ?? 'null'),
      ']',
      indent,
      line,
    )
  const entries = value instanceof Map ? [...(value as ReadonlyMap<string, unknown>)] : Object.entries(value)
  const members = entries.flatMap(([key, member]) => {
    const text = print(member, indent, deeper)
    return text === undefined ? [] : [`${printText(key)}:${indent === '' ? '' : ' '}${text}`]
  })
  return enclose('{', members, '}', indent, line)
}

function enclose(open: string, parts: readonly string[], close: string, indent: string, line: string): string {
  if (parts.length === 0) return open + close
  if (indent === '') return open + parts.join(',') + close
  return open + line + indent + parts.join(`,${line}${indent}`) + line + close
}

function printText(text: string): string {
  // A lone surrogate stands for a byte that is not UTF-8; Go writes an escaped U+FFFD for it.
  const parts = text.split(/\p{Surrogate}/u).map((part) => JSON.stringify(part).slice(1, -1))
  const escaped = parts
    .join('\\ufffd')
    .replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return `"${escaped}"`
}
