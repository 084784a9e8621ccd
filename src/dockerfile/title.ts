import type { ExpandOptions, Lookup } from './expansion/index.ts'
import { expand } from './expansion/index.ts'
import type { From, Instruction } from './language/index.ts'
import { cut, trim } from './language/index.ts'
import { isHeredocMark } from './syntax/index.ts'

/** Returns an instruction's name as written (`copy`), for findings that quote it. */
export function writtenName({ source }: Instruction | From): string {
  return /^\S*/.exec(source)![0]
}

/**
 * Returns an instruction as BuildKit shows it while running: on one line, variables expanded, and for a heredoc that is a whole
 * RUN only its first line. Anything that cannot be expanded stays as written.
 */
export function titleOf(
  instruction: Instruction,
  variables: Lookup,
  options: Pick<ExpandOptions, 'escape'> = {},
): string {
  const [line] = cut(instruction.source, '\n')
  // A command keeps its quotes, and the shell's own variables.
  const isRun = instruction.kind === 'RUN'
  const expanded = expandTitle(line + summary(instruction), variables, {
    ...options,
    ...(isRun ? { quotes: 'keep', keepUnset: true } : {}),
  })
  const [name, rest, more] = cut(expanded, ' ')
  return more ? `${name.toUpperCase()} ${rest}` : name.toUpperCase()
}

function expandTitle(text: string, variables: Lookup, options: ExpandOptions): string {
  try {
    return expand(text, variables, options).text
  } catch {
    return text
  }
}

function summary(instruction: Instruction): string {
  if (instruction.kind !== 'RUN' || !isHeredocMark(instruction.command.words.join(' '))) return ''
  const [first] = instruction.heredocs
  if (first === undefined) return ''
  const [line, , more] = cut(trim(first.raw).replaceAll('\r\n', '\n'), '\n')
  return ` (${line}${more ? '...' : ''})`
}
