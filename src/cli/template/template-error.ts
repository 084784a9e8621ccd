import { Failure } from '../failure.ts'

/** A template that cannot be read or does not fit its data. The words are those of Go's text/template, as docker shows them. */
export class TemplateError extends Failure {
  constructor(message: string) {
    super(`template parsing error: ${message}`)
    this.name = 'TemplateError'
  }
}

/** `3` for the third line; `at` is an index into the text. */
export function lineOf(text: string, at: number): number {
  return text.slice(0, at).split('\n').length
}
