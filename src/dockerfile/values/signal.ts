import { refusal } from '../language/index.ts'

/** Linux signal numbers on x86 and ARM; some have several names. */
const numbers: Readonly<Record<string, number>> = {
  ...{
    HUP: 1,
    INT: 2,
    QUIT: 3,
    ILL: 4,
    TRAP: 5,
    ABRT: 6,
    IOT: 6,
    BUS: 7,
    FPE: 8,
    KILL: 9,
    USR1: 10,
    SEGV: 11,
    USR2: 12,
  },
  ...{ PIPE: 13, ALRM: 14, TERM: 15, STKFLT: 16, CHLD: 17, CLD: 17, CONT: 18, STOP: 19, TSTP: 20, TTIN: 21, TTOU: 22 },
  ...{ URG: 23, XCPU: 24, XFSZ: 25, VTALRM: 26, PROF: 27, WINCH: 28, IO: 29, POLL: 29, PWR: 30, SYS: 31 },
}
const firstRealTime = 34
const lastRealTime = 64

/** Parses a signal: a name with or without SIG, in any case, or a number. Throws DOCKERFILE_SIGNAL without a location. */
export function parseStopSignal(text: string): number {
  const name = text.toUpperCase().replace(/^SIG/, '')
  const number = /^[+-]?\d+$/.test(text)
    ? Number(text)
    : Object.hasOwn(numbers, name)
      ? numbers[name]
      : readRealTime(name)
  if (number !== undefined && number !== 0) return number
  throw refusal(
    'DOCKERFILE_SIGNAL',
    `invalid signal: ${text}`,
    'Signals are names such as SIGTERM, QUIT or RTMIN+3, or numbers.',
  )
}

/** Parses `RTMIN`, `RTMIN+1` to `RTMIN+15`, `RTMAX-14` to `RTMAX-1`, and `RTMAX`. */
function readRealTime(name: string): number | undefined {
  const match = /^RT(MIN|MAX)(?:([+-])([1-9]\d?))?$/.exec(name)
  if (match === null) return undefined
  const [, end, sign, digits = '0'] = match
  const distance = Number(digits)
  if (end === 'MIN') return sign !== '-' && distance <= 15 ? firstRealTime + distance : undefined
  return sign !== '+' && distance <= 14 ? lastRealTime - distance : undefined
}
