import { existsSync, readFileSync } from 'node:fs'
import type { CheckCode, CheckSilence } from '../../../index.ts'
import { Failure } from '../../failure.ts'

const usual = '.tare-check.json'
const shape = 'It has the form {"accept": [{"code": "SetIdBits", "path": "usr/bin/su", "reason": "…"}]}.'

/** The findings that the file accepts, or else `.tare-check.json` where there is one. Throws a Failure for what cannot be read. */
export function readCheckConfig(path: string | undefined): readonly CheckSilence[] {
  const file = path ?? usual
  if (path === undefined && !existsSync(file)) return []
  let raw: unknown
  try {
    raw = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new Failure(`cannot read ${file}: ${(cause as Error).message}`, { remedy: shape })
  }
  const accept = (raw as { accept?: unknown } | null)?.accept
  if (!Array.isArray(accept)) throw new Failure(`${file} has no list "accept"`, { remedy: shape })
  return accept.map((one: unknown, i) => silenceOf(one, `${file}: entry ${i + 1} of "accept"`))
}

function silenceOf(raw: unknown, what: string): CheckSilence {
  const { code, path, reason } = (raw ?? {}) as Record<string, unknown>
  if (typeof code !== 'string' || code === '') throw new Failure(`${what} has no "code"`, { remedy: shape })
  if (typeof reason !== 'string' || reason.trim() === '')
    throw new Failure(`${what} has no "reason"`, { remedy: 'Say why the finding is accepted.' })
  if (path !== undefined && typeof path !== 'string')
    throw new Failure(`${what} has a "path" that is no text`, { remedy: shape })
  return { code: code as CheckCode, path, reason }
}
