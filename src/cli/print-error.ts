import { Failure, UsageError } from './failure.ts'
import { BrokenPipe } from './streams.ts'
import { formatExcerpt } from './text/excerpt.ts'
import { printableJson, printableLines } from './text/printable.ts'

export interface ErrorReport {
  readonly text: string
  readonly exitCode: number
}

/**
 * Returns the text and exit code for an error. `command` is how the verb was called, `image ls`; undefined before one is known. A
 * TareError or Failure is shown with its excerpt and remedy; anything else is a bug in tare and gets a stack trace.
 */
export async function reportError(error: unknown, command: string | undefined, debug: boolean): Promise<ErrorReport> {
  const { text, exitCode } = await describe(error, command, debug)
  // Messages may contain names from archives or contexts, which must not control the terminal.
  return { text: printableLines(text), exitCode }
}

/** Returns the error as one line of JSON, for a program that reads the rest of the output as JSON. A TareError has its code. */
export async function reportErrorAsJson(error: unknown): Promise<ErrorReport> {
  if (error instanceof BrokenPipe) return { text: '', exitCode: error.exitCode }
  const { TareError } = await import('../index.ts')
  const exitCode = error instanceof Failure ? error.exitCode : 1
  const facts = error instanceof TareError ? error.toJSON() : factsOf(error)
  return { text: `${printableJson(JSON.stringify({ type: 'error', ...facts }))}\n`, exitCode }
}

function factsOf(error: unknown): object {
  if (!(error instanceof Failure))
    return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  return { message: error.message, ...(error.remedy === undefined ? {} : { remedy: error.remedy }) }
}

async function describe(error: unknown, command: string | undefined, debug: boolean): Promise<ErrorReport> {
  if (error instanceof BrokenPipe) return { text: '', exitCode: error.exitCode }
  if (error instanceof UsageError) return { text: usageText(error, command), exitCode: error.exitCode }
  const label = isBuild(command) ? 'ERROR: ' : 'Error: '
  const doing = isBuild(command) ? 'failed to build: ' : ''
  if (error instanceof Failure) return { text: messageText(error, label, doing), exitCode: error.exitCode }
  const { TareError } = await import('../index.ts')
  if (!(error instanceof TareError)) return { text: defectText(error, label), exitCode: 1 }
  const excerpt = error.where === undefined ? '' : formatExcerpt(error.where)
  const message = messageText(error, label, doing)
  const more = debug ? `Code: ${error.code} (docs/errors.md)\n${causesText(error)}` : ''
  return { text: excerpt + message + more, exitCode: 1 }
}

function isBuild(command: string | undefined): boolean {
  return command !== undefined && /(?:^| )build$/.test(command)
}

function usageText(error: UsageError, command: string | undefined): string {
  const lines = [error.message, ...(error.remedy === undefined ? [] : [error.remedy])]
  return `${lines.join('\n')}\nSee 'tare${command === undefined ? '' : ` ${command}`} --help'.\n`
}

/** Indents further lines of a message, so that no foreign text can pass for a line of ours. */
function messageText(
  { message, remedy }: { readonly message: string; readonly remedy: string | undefined },
  label: string,
  doing: string,
): string {
  const indent = ' '.repeat(label.length)
  return `${label}${doing}${message.replaceAll('\n', `\n${indent}`)}\n${remedyText(remedy, label)}`
}

/** Indents the remedy to where the message starts. */
function remedyText(remedy: string | undefined, label: string): string {
  if (remedy === undefined) return ''
  const indent = ' '.repeat(label.length)
  return `${remedy
    .split('\n')
    .map((line) => indent + line)
    .join('\n')}\n`
}

function defectText(error: unknown, label: string): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const remedy = 'This is a bug in tare. Please report it with the command and the lines above.'
  return `${label}${stack}\n${causesText(error)}${remedyText(remedy, label)}`
}

function causesText(error: unknown): string {
  let text = ''
  let cause = error instanceof Error ? error.cause : undefined
  for (let depth = 0; cause !== undefined && depth < 8; depth++) {
    text += `Caused by: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return text
}
