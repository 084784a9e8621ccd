import { readFileSync } from 'node:fs'
import { Failure } from '../../failure.ts'

const mostBytes = 4 << 20

/**
 * Reads variables from a file by docker's rules: `NAME=value` literally (no quotes, no expansion), `NAME` alone gets the value
 * from `environment` or is omitted, `#` starts a comment line.
 */
export function readEnvFile(path: string, environment: NodeJS.ProcessEnv): readonly string[] {
  return readText(path)
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .flatMap((text, i) => {
      const line = text.trimStart()
      if (line === '' || line.startsWith('#')) return []
      const sign = line.indexOf('=')
      const name = sign < 0 ? line : line.slice(0, sign)
      const wrong = (why: string) => new Failure(`${path}:${i + 1}: ${why}`, { exitCode: 125 })
      if (name === '') throw wrong('no variable name before "="')
      if (/\s/.test(name)) throw wrong(`variable "${name}" contains whitespace`)
      if (line.includes('\0')) throw wrong('a NUL byte cannot be in the environment')
      if (sign >= 0) return [line]
      const value = environment[name]
      return value === undefined ? [] : [`${name}=${value}`]
    })
}

function readText(path: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${(error as Error).message}`, { exitCode: 125 })
  }
  if (bytes.length > mostBytes) throw new Failure(`${path} is too large for an environment file`, { exitCode: 125 })
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Failure(`${path} is not UTF-8`, { exitCode: 125 })
  }
}
