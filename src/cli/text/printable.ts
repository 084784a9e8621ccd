/**
 * What controls a terminal: C0 except tab, DEL and C1, and every character that reorders text (Unicode's Bidi_Control: marks,
 * embeddings, overrides and isolates) or acts as a line break.
 */
const steering = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Makes a foreign line, or part of one, safe to print: control characters are escaped, `\x1b`, `\u202e`. */
export function printable(text: string): string {
  return text.replace(steering, escaped)
}

/** The same for text that contains our own line breaks. */
export function printableLines(text: string): string {
  return text.replace(steering, (character) => (character === '\n' ? character : escaped(character)))
}

/** The same for JSON, which keeps its meaning. */
export function printableJson(text: string): string {
  return text.replace(steering, (character) => (character === '\n' ? character : `\\u${hex(character, 4)}`))
}

const color = /\x1b\[[\d;:]{0,64}m/g
const colorOrSteering = new RegExp(`${color.source}|${steering.source}`, 'g')

/** Makes a line of a command's output safe to print, keeping `\r` and colors (SGR) for progress bars and compilers. */
export function printableOutput(line: string): string {
  return line.replace(colorOrSteering, (found) => (found.length > 1 || found === '\r' ? found : escaped(found)))
}

/** Returns the colors in a line: what `printableOutput` keeps besides text. */
export function colorsOf(line: string): readonly string[] {
  return line.match(color) ?? []
}

export function withoutColors(line: string): string {
  return line.replace(color, '')
}

function escaped(character: string): string {
  return character < '\u0100' ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, '0')
}
