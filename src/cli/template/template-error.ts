import { Failure } from '../failure.ts'

/** A template that is invalid or does not match its data, worded like Go's text/template, as docker shows it. */
export class TemplateError extends Failure {
  constructor(message: string) {
    super(`template parsing error: ${message}`)
    this.name = 'TemplateError'
  }
}

/** Returns the line number of an index into the text. */
export function lineOf(text: string, at: number): number {
  return text.slice(0, at).split('\n').length
}
