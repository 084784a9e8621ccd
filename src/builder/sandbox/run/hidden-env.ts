import { randomBytes } from 'node:crypto'
import type { Command } from '../step/index.ts'

// Variables that hold secrets stand in no file and in no command line, which others may read: they travel in the environment of
// our own tools, under names that none of these knows.

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

/** Whether the variable can travel so: its name is one to a shell, and means nothing to our own tools. */
export function mayHide(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name) && !/^(?:LD_.*|TARE_.*|PATH|HOME|IFS|ENV|LC_ALL|PWD|OLDPWD|SHLVL|_)$/.test(name)
}

/** What has to be in the environment of our own tools; `spell` says how a value is written. */
export function hiddenEnvironment(
  { secretEnv = [] }: Hidden,
  spell: (value: string) => string = (value) => value,
): Record<string, string> {
  return Object.fromEntries(secretEnv.map((line, i) => [carrier(i), spell(textOf(line))]))
}

/** Lines of a script that give the variables their own names. */
export function hiddenLines({ secretEnv = [] }: Hidden): string[] {
  return secretEnv.map((line, i) => `${nameOf(line)}=$${carrier(i)}; export ${nameOf(line)}`)
}

/** The arguments of env(1) that leave nothing but the hidden variables. */
export function leaveHidden({ secretEnv = [] }: Hidden): string[] {
  if (secretEnv.length === 0) return ['-i']
  const ours = ['PATH', 'LC_ALL', 'PWD', 'OLDPWD', 'SHLVL', '_', ...secretEnv.map((_, i) => carrier(i))]
  return ours.flatMap((name) => ['-u', name])
}

/** A document in pieces, between which the values go. */
export interface Pieces {
  readonly texts: readonly string[]
  /** Lines of a script that put it together in a file; `paths` are those of the texts. */
  lines(paths: readonly string[], to: string): string[]
}

/** The document that `write` makes of the variables, without their values. */
export function inPieces({ secretEnv = [] }: Hidden, write: (secretEnv: readonly string[]) => string): Pieces {
  const mark = `-${randomBytes(12).toString('hex')}-`
  const texts = write(secretEnv.map((line) => `${nameOf(line)}=${mark}`)).split(mark)
  return {
    texts,
    lines: (paths, to) => [
      // printf is the shell's own: it has no command line.
      `{ ${paths.map((path, i) => `cat ${path}${i < secretEnv.length ? `; printf %s "$${carrier(i)}"` : ''}`).join('; ')}; } > ${to} || exit 125`,
      ...(secretEnv.length === 0 ? [] : [`unset ${secretEnv.map((_, i) => carrier(i)).join(' ')}`]),
    ],
  }
}
