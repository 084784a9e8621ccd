import { locate } from '../../support/index.ts'
import { refusal } from '../language/index.ts'

// What a text in another encoding looks like, bytes that are not UTF-8 being lone surrogates (`decodeName`) or U+FFFD.
const marks: readonly (readonly [name: string, start: RegExp])[] = [
  ['UTF-32 (little-endian)', /^[\udcff\ufffd][\udcfe\ufffd]\0\0/],
  ['UTF-32 (big-endian)', /^\0\0[\udcfe\ufffd][\udcff\ufffd]/],
  ['UTF-16 (little-endian)', /^(?:\udcff\udcfe|\ufffd\ufffd[^\0]\0|[^\0]\0[^\0]\0)/],
  ['UTF-16 (big-endian)', /^(?:\udcfe\udcff|\ufffd\ufffd\0[^\0]|\0[^\0]\0[^\0])/],
]

/** Throws DOCKERFILE_ENCODING where the file is UTF-16 or UTF-32, as some editors and shells of Windows write it. */
export function refuseWideCharacters(text: string, file: string): void {
  const name = marks.find(([, start]) => start.test(text))?.[0]
  const remedy = 'Save it as UTF-8; in PowerShell: Set-Content -Encoding utf8.'
  if (name === undefined) return
  // Its text would only be noise in an excerpt.
  const where = { file, line: 1, endLine: 1, text: '' }
  throw locate(refusal('DOCKERFILE_ENCODING', `${file} is ${name}, not UTF-8`, remedy), where)
}
