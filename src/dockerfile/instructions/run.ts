import { messageOf } from '../../support/index.ts'
import type { Run } from '../language/index.ts'
import { cut, didYouMean, parseBoolean, quote, refusal } from '../language/index.ts'
import type { Statement } from '../syntax/index.ts'
import { given, isHeredocMark, readFlags } from '../syntax/index.ts'
import { checkMountSyntax, readCsvFields } from '../values/index.ts'
import { commandLine } from './command.ts'

/** `RUN [--mount=… --network=… --security=… --device=…] command` */
export function readRun(statement: Statement): Omit<Run, 'where' | 'source'> {
  const { mount, network, security, device } = readFlags(statement.flags, {
    mount: 'list',
    network: 'text',
    security: 'text',
    device: 'list',
  })
  for (const value of mount) checkMountSyntax(value)
  if (network !== undefined && !['default', 'none', 'host'].includes(network)) {
    const remedy = 'Use default, none or host.'
    throw refusal('DOCKERFILE_FLAG', `invalid network mode ${quote(network)}`, remedy)
  }
  if (security !== undefined && !['sandbox', 'insecure'].includes(security)) {
    throw refusal('DOCKERFILE_FLAG', `security ${quote(security)} is not valid`, 'Use sandbox or insecure.')
  }
  for (const value of device) checkDevice(value)
  const { heredocs } = statement
  const command = commandLine(statement)
  return { kind: 'RUN', command, heredocs, mounts: mount, devices: device, ...given({ network, security }) }
}

/** Checks `name[,required]` of a CDI device. */
function checkDevice(value: string): void {
  let named = false
  for (const field of readDeviceFields(value)) {
    const [name, word, hasValue] = cut(field, '=')
    const key = name.toLowerCase()
    if (key === 'required') {
      if (hasValue && parseBoolean(word) === undefined) throw wrong(`invalid value for ${key}: ${word}`)
    } else if (!named) named = true
    else if (!hasValue) throw wrong(`invalid field '${field}' must be a key=value pair`)
    else if (key === 'name') throw wrong(`device name already set`)
    else throw wrong(`unexpected key '${key}' in '${field}'${didYouMean(key, ['name', 'required'])}`)
  }
}

function readDeviceFields(value: string): string[] {
  try {
    return readCsvFields(value)
  } catch (error) {
    throw wrong(`failed to parse csv devices: ${messageOf(error)}`)
  }
}

function wrong(message: string): Error {
  return refusal('DOCKERFILE_FLAG', message)
}

/** What a RUN passes to its shell: a text, or for a heredoc that starts with `#!`, a program to run as /dev/pipes/NAME. */
export type Script =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'program'; readonly name: string; readonly body: string }

/**
 * Returns the script of a RUN in shell form. A heredoc that is the whole command is the script itself; otherwise the text is put
 * back together, bodies included, for the shell to read. Variables are never expanded here.
 */
export function scriptOf({ command, heredocs }: Pick<Run, 'command' | 'heredocs'>): Script {
  const text = command.words.join(' ')
  const [first] = heredocs
  if (first === undefined) return { kind: 'text', text }
  if (!isHeredocMark(text)) {
    return { kind: 'text', text: [text, ...heredocs.map(({ raw, name }) => raw + name)].join('\n') }
  }
  if (first.body.startsWith('#!')) return { kind: 'program', name: checkName(first.name), body: first.body }
  return { kind: 'text', text: first.body }
}

/** Checks the name of a program's file, which must lie directly in /dev/pipes. */
function checkName(name: string): string {
  if (name !== '.' && name !== '..' && !/[/\0]/.test(name)) return name
  const remedy = 'A heredoc starting with #! becomes a file of that name: write <<EOF.'
  throw refusal('DOCKERFILE_HEREDOC', `a heredoc of RUN cannot be named ${JSON.stringify(name)}`, remedy)
}
