/**
 * JSON as Go's encoding/json writes it: compact (or indented by `indent` blanks), and with `<`, `>`, `&`, U+2028 and
 * U+2029 as escapes, so that the same values have the same digest. Keys keep the order of the object; undefined members
 * are left out.
 */
export function goJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
