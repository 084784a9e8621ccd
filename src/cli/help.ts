import type { AnyVerb } from './command.ts'
import { type CommandEntry, groups, listCommands } from './commands.ts'
import type { Flag, FlagTable } from './flags.ts'

/** Returns a verb's help for the name it was called by (without `tare`). */
export function verbHelp(name: string, command: CommandEntry, verb: AnyVerb, width: number): string {
  const aliases = command.names.length > 1 ? `\nAliases:\n  ${command.names.map((n) => `tare ${n}`).join(', ')}\n` : ''
  const flags = flagLines(verb.flags, width)
  const options = flags === '' ? '' : `\nOptions:\n${flags}`
  const about = verb.about === undefined ? '' : `\n${filled(verb.about, width)}\n`
  return `${usageLine(name, verb)}\n\n${command.summary}\n${about}${aliases}${options}`
}

export function usageLine(name: string, verb: AnyVerb): string {
  return `Usage:  tare ${name} ${verb.usage}`.trimEnd()
}

/** Returns the help of a group such as `tare image`. */
export function groupHelp(group: string): string {
  return `Usage:  tare ${group} COMMAND

${groups[group]}

Commands:
${commandLines(listCommands(group).map(([name, { summary }]) => [name, summary]))}
Run 'tare ${group} COMMAND --help' for more information on a command.
`
}

/** Returns the help of `tare` itself. */
export function rootHelp(flags: FlagTable, width: number): string {
  const all = listCommands(undefined)
  const part = (common: boolean) =>
    commandLines(
      all.filter(([, command]) => (command.common === true) === common).map(([name, { summary }]) => [name, summary]),
    )
  return `Usage:  tare [OPTIONS] COMMAND

Container images out of thin air, with no daemon and no root

Common Commands:
${part(true)}
Management Commands:
${commandLines(Object.entries(groups))}
Commands:
${part(false)}
Global Options:
${flagLines(flags, width)}
Run 'tare COMMAND --help' for more information on a command.
`
}

function commandLines(lines: readonly (readonly [string, string])[]): string {
  return lines.map(([name, summary]) => `  ${name.padEnd(11)} ${summary}\n`).join('')
}

/** Formats one line per flag, sorted by name; text beyond the width continues aligned below. */
function flagLines(flags: FlagTable, width: number): string {
  const visible = Object.entries(flags).filter(([, flag]) => flag.hidden !== true)
  const lines = visible
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => [flagName(name, flag), flagText(flag)] as const)
  const indent = Math.max(0, ...lines.map(([left]) => left.length)) + 3
  return lines
    .map(([left, right]) => `${left.padEnd(indent)}${wrap(right, width - indent).join(`\n${' '.repeat(indent)}`)}\n`)
    .join('')
}

function flagName(name: string, flag: Flag): string {
  const type = flag.placeholder ?? (flag.type === 'swap' ? 'bytes' : flag.type)
  return `  ${flag.short ? `-${flag.short}, ` : '    '}--${name}${type === 'bool' ? '' : ` ${type}`}`
}

function flagText(flag: Flag): string {
  const later = flag.notYet ? ' (not supported yet)' : ''
  if (flag.default === undefined || flag.default === false) return flag.help + later
  return `${flag.help}${later} (default ${flag.type === 'bool' ? flag.default : `"${flag.default}"`})`
}

/** Wraps paragraphs, which are separated by blank lines; indented lines stay as they are. */
function filled(text: string, width: number): string {
  return text
    .replace(/(?<!\n)\n(?![\n ])/g, ' ')
    .split('\n')
    .flatMap((line) => (line.startsWith(' ') ? [line] : wrap(line, width)))
    .join('\n')
}

function wrap(text: string, width: number): readonly string[] {
  const room = Math.max(width, 24)
  return text.split('\n').flatMap((paragraph) => {
    const lines = ['']
    for (const word of paragraph.split(' ')) {
      const line = lines.at(-1)!
      if (line === '') lines[lines.length - 1] = word
      else if (line.length + 1 + word.length <= room) lines[lines.length - 1] = `${line} ${word}`
      else lines.push(word)
    }
    return lines
  })
}
