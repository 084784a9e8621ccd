// Control characters, and marks that turn or hide the text around them.
const unprintable =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/** A name as it can be shown: what has no picture of its own becomes an escape. A byte that is not UTF-8 comes as a lone surrogate. */
export function printable(name: string): string {
  return name.replace(unprintable, (character) => {
    const code = character.charCodeAt(0)
    if (code === 10) return '\\n'
    if (code === 9) return '\\t'
    if (code === 13) return '\\r'
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
}
