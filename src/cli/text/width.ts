/** Returns a text's width on a terminal: zero for combining marks, two for East Asian wide characters and emoji. */
export function textWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

const colorOrCharacter = /\x1b\[[\d;:]*m|./gsu

/** Cuts or pads a text to exactly this width. Colors have no width, and are kept when text is cut. */
export function fitWidth(text: string, columns: number): string {
  let fitted = ''
  let width = 0
  let full = false
  for (const [part] of text.matchAll(colorOrCharacter)) {
    const more = part.length > 2 ? 0 : characterWidth(part)
    full ||= width + more > columns
    if (full && more > 0) continue
    fitted += part
    width += more
  }
  return fitted + ' '.repeat(Math.max(0, columns - width))
}

// Unicode's East Asian Width W and F; ranges are merged if nothing narrow lies between them.
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
const narrowed = /[\p{Mn}\p{Me}\p{Cf}]/u

function characterWidth(character: string): number {
  if (character >= ' ' && character <= '~') return 1
  if (narrowed.test(character)) return 0
  return wide.test(character) ? 2 : 1
}
