import type { HealthcheckInstruction } from '../language/index.ts'
import { quote, refusal } from '../language/index.ts'
import type { Phrase } from '../syntax/index.ts'
import { given, readFlags } from '../syntax/index.ts'
import { parseGoDuration } from '../values/index.ts'
import { atLeastOne } from './arguments.ts'

const millisecond = 1e6

/** `HEALTHCHECK NONE` or `HEALTHCHECK [--interval=… --timeout=… --start-period=… --start-interval=… --retries=n] CMD command` */
export function readHealthcheck(phrase: Phrase): Omit<HealthcheckInstruction, 'where' | 'source'> {
  atLeastOne('HEALTHCHECK', phrase.words)
  const [word, ...words] = phrase.words
  const type = word!.toUpperCase()
  if (type === 'NONE') {
    if (words.length > 0) throw refusal('DOCKERFILE_ARGUMENTS', 'HEALTHCHECK NONE takes no arguments')
    return { kind: 'HEALTHCHECK', test: ['NONE'] }
  }
  const flags = readFlags(phrase.flags, {
    interval: 'text',
    timeout: 'text',
    'start-period': 'text',
    'start-interval': 'text',
    retries: 'text',
  })
  if (type !== 'CMD') {
    throw refusal('DOCKERFILE_ARGUMENTS', `Unknown type ${quote(type)} in HEALTHCHECK (try CMD)`)
  }
  if (words.length === 0) throw refusal('DOCKERFILE_ARGUMENTS', 'Missing command after HEALTHCHECK CMD')
  return {
    kind: 'HEALTHCHECK',
    test: [phrase.json ? 'CMD' : 'CMD-SHELL', ...words],
    ...given({
      interval: readInterval('interval', flags.interval),
      timeout: readInterval('timeout', flags.timeout),
      startPeriod: readInterval('start-period', flags['start-period']),
      startInterval: readInterval('start-interval', flags['start-interval']),
      retries: readRetries(flags.retries),
    }),
  }
}

function readInterval(flag: string, text: string | undefined): number | undefined {
  const duration = text ? parseGoDuration(text) : 0
  if (duration === 0) return undefined
  if (duration >= millisecond) return duration
  throw refusal('DOCKERFILE_FLAG', `Interval ${quote(flag)} cannot be less than 1ms`)
}

function readRetries(text: string | undefined): number | undefined {
  if (!text) return undefined
  const retries = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  const problem = Number.isNaN(retries) ? 'invalid syntax' : Math.abs(retries) > 2 ** 31 - 1 ? 'value out of range' : ''
  if (problem !== '') throw refusal('DOCKERFILE_FLAG', `strconv.ParseInt: parsing ${quote(text)}: ${problem}`)
  if (retries < 0) throw refusal('DOCKERFILE_FLAG', `--retries cannot be negative (${retries})`)
  return retries || undefined
}
