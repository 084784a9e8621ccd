import type { TareError } from '../../support/index.ts'
import { refusal } from '../language/index.ts'

/** Returns the permission bits (with setuid, setgid and sticky) for something whose mode has been `mode`. */
export type ModeChange = (mode: number, isDirectory: boolean) => number

/** One step of a change, given the mode so far and the original mode. */
type Step = (mode: number, original: number, isDirectory: boolean) => number

const permissions = 0o6777
const sticky = 0o1000
const shifts = { u: 6, g: 3, o: 0 }

/**
 * Parses a `--chmod`: an octal number up to 07777, or changes as in chmod(1): `go-w`, `+X`, `g=u`. Without a class (`+w`), all
 * classes are meant: there is no umask. Throws DOCKERFILE_CHMOD in BuildKit's words, without a location.
 */
export function parseChmod(text: string): ModeChange {
  if (/^\d/.test(text)) {
    const mode = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN
    if (!(mode <= 0o7777)) throw notOctal(text)
    return () => mode
  }
  const steps = text.split(',').flatMap((clause) => readClause(clause, text))
  return (mode, isDirectory) => steps.reduce((so, step) => step(so, mode, isDirectory), mode & 0o7777)
}

function readClause(clause: string, text: string): Step[] {
  const match = /^([augo]*)((?:[-+=][rwxXstugo]*)+)$/.exec(clause)
  if (match === null) throw notSymbolic(text)
  const who = [...match[1]!].reduce((bits, letter) => bits | bitsOf(letter), 0)
  return [...match[2]!.matchAll(/([-+=])([^-+=]*)/g)].flatMap(([, operator, letters]) =>
    readOperation(operator!, letters!, who),
  )
}

function bitsOf(who: string): number {
  if (who === 'u') return 0o4700
  if (who === 'g') return 0o2070
  return who === 'o' ? 0o0007 : permissions
}

function readOperation(operator: string, letters: string, named: number): Step[] {
  // Set-ID and sticky bits do not apply to "others".
  const onlyOthers = named !== 0 && (named & ~0o0007) === 0
  let who = named
  let bits = 0
  let search = false
  let cleared = false
  const steps: Step[] = []
  const flush = (last: boolean): void => {
    if (bits !== 0 || (last && operator === '=' && !cleared)) steps.push(change(operator, bits, who))
    if (search) steps.push(changeSearch(who))
    cleared ||= operator === '='
    bits = 0
    search = false
  }
  for (const letter of letters) {
    if (letter === 'r') bits |= 0o444
    else if (letter === 'w') bits |= 0o222
    else if (letter === 'x') bits |= 0o111
    // `-X` removes execute permission from everything. (POSIX.1-2024, chmod)
    else if (letter === 'X' && operator === '-') bits |= 0o111
    else if (letter === 'X') search = true
    else if (letter === 's') bits |= onlyOthers ? 0 : 0o6000
    else if (letter === 't' && !onlyOthers) {
      who |= named === 0 ? 0 : sticky
      bits |= sticky
    } else if (letter === 'u' || letter === 'g' || letter === 'o') {
      flush(false)
      steps.push(copyBits(operator, letter, who))
    }
  }
  flush(true)
  return steps
}

function change(operator: string, bits: number, who: number): Step {
  const wanted = who === 0 ? bits : bits & who
  if (operator === '+') return (mode) => mode | wanted
  if (operator === '-') return (mode) => mode & ~wanted
  return (mode) => (mode & ~(who === 0 ? permissions : who)) | wanted
}

/** `X`: execute permission for directories and for files that already have it for someone. */
function changeSearch(who: number): Step {
  const wanted = who === 0 ? 0o111 : 0o111 & who
  return (mode, original, isDirectory) => (isDirectory || (original & 0o111) !== 0 ? mode | wanted : mode)
}

/** `g=u`, `o+g`, `u-o`: copies the three bits of one class to others. */
function copyBits(operator: string, from: keyof typeof shifts, who: number): Step {
  const targets = Object.values(shifts).filter((shift) => who === 0 || (who & (0o4 << shift)) !== 0)
  return (mode) => {
    const value = (mode >> shifts[from]) & 0o7
    return targets.reduce((so, shift) => {
      const wanted = value << shift
      if (operator === '+') return so | wanted
      if (operator === '-') return so & ~wanted
      return (so & ~(0o7 << shift)) | wanted
    }, mode)
  }
}

function notOctal(text: string): TareError {
  return refusal(
    'DOCKERFILE_CHMOD',
    `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`,
    'Write 755, 0644 or 4755; or changes such as go-w or u=rw,go=r,+X.',
  )
}

function notSymbolic(text: string): TareError {
  return refusal(
    'DOCKERFILE_CHMOD',
    `invalid chmod parameter: '${text}'. invalid syntax`,
    'Write 755, 0644 or 4755; or changes such as u=rw,go=r or +x.',
  )
}
