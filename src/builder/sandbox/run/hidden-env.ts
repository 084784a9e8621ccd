import { randomBytes } from 'node:crypto'
import type { Command } from '../step/index.ts'

// Variables with secrets never appear in files or command lines, which others could read. They are passed in the environment of
// our own tools, under names that mean nothing to those.

type Hidden = Pick<Command, 'secretEnv'>

function nameOf(line: string): string {
  return line.slice(0, line.indexOf('='))
}

function textOf(line: string): string {
  return line.slice(line.indexOf('=') + 1)
}

function carrier(i: number): string {
  return `TARE_SECRET_${i}`
}

/** Whether a variable can be passed this way: its name is valid in a shell, and means nothing to our own tools. */
export function mayHide(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name) && !/^(?:LD_.*|TARE_.*|PATH|HOME|IFS|ENV|LC_ALL|PWD|OLDPWD|SHLVL|_)$/.test(name)
}

/** Returns what must be in the environment of our own tools; `spell` formats a value. */
export function hiddenEnvironment(
  { secretEnv = [] }: Hidden,
  spell: (value: string) => string = (value) => value,
): Record<string, string> {
  return Object.fromEntries(secretEnv.map((line, i) => [carrier(i), spell(textOf(line))]))
}

/** Returns lines of a script that rename the variables. */
export function hiddenLines({ secretEnv = [] }: Hidden): string[] {
  return secretEnv.map((line, i) => `${nameOf(line)}=$${carrier(i)}; export ${nameOf(line)}`)
}

/** Returns the arguments for env(1) that keep only the hidden variables. */
export function leaveHidden({ secretEnv = [] }: Hidden): string[] {
  if (secretEnv.length === 0) return ['-i']
  const ours = ['PATH', 'LC_ALL', 'PWD', 'OLDPWD', 'SHLVL', '_', ...secretEnv.map((_, i) => carrier(i))]
  return ours.flatMap((name) => ['-u', name])
}

/** A document in pieces, with values in between. */
export interface Pieces {
  readonly texts: readonly string[]
  /** Returns lines of a script that assemble it in a file; `paths` are those of the pieces. */
  lines(paths: readonly string[], to: string): string[]
}

/** Returns the document that `write` makes of the variables, split at their values. */
export function inPieces({ secretEnv = [] }: Hidden, write: (secretEnv: readonly string[]) => string): Pieces {
  const mark = `-${randomBytes(12).toString('hex')}-`
  const texts = write(secretEnv.map((line) => `${nameOf(line)}=${mark}`)).split(mark)
  return {
    texts,
    lines: (paths, to) => [
      // printf is built into the shell, so no command line is visible.
      `{ ${paths.map((path, i) => `cat ${path}${i < secretEnv.length ? `; printf %s "$${carrier(i)}"` : ''}`).join('; ')}; } > ${to} || exit 125`,
      ...(secretEnv.length === 0 ? [] : [`unset ${secretEnv.map((_, i) => carrier(i)).join(' ')}`]),
    ],
  }
}
