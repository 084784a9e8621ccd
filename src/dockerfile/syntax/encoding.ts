import { locate } from '../../support/index.ts'
import { refusal } from '../language/index.ts'

// How text in another encoding begins; bytes that are not UTF-8 are lone surrogates (`decodeName`) or U+FFFD.
const marks: readonly (readonly [name: string, start: RegExp])[] = [
  ['UTF-32 (little-endian)', /^[\udcff\ufffd][\udcfe\ufffd]\0\0/],
  ['UTF-32 (big-endian)', /^\0\0[\udcfe\ufffd][\udcff\ufffd]/],
  ['UTF-16 (little-endian)', /^(?:\udcff\udcfe|\ufffd\ufffd[^\0]\0|[^\0]\0[^\0]\0)/],
  ['UTF-16 (big-endian)', /^(?:\udcfe\udcff|\ufffd\ufffd\0[^\0]|\0[^\0]\0[^\0])/],
]

/** Throws DOCKERFILE_ENCODING if the file is UTF-16 or UTF-32, as some Windows editors and shells write it. */
export function refuseWideCharacters(text: string, file: string): void {
  const name = marks.find(([, start]) => start.test(text))?.[0]
  const remedy = 'Save it as UTF-8; in PowerShell: Set-Content -Encoding utf8.'
  if (name === undefined) return
  // No excerpt: the text would be unreadable.
  const where = { file, line: 1, endLine: 1, text: '' }
  throw locate(refusal('DOCKERFILE_ENCODING', `${file} is ${name}, not UTF-8`, remedy), where)
}
