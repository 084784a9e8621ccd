import { evaluateTemplate } from './evaluate.ts'
import { headerFunctions, templateFunctions } from './functions.ts'
import { parseTemplate } from './parse.ts'

export interface Template {
  /** The text with the values of `data` in it. Throws a TemplateError. */
  fill(data: unknown): string
  /** The same for the headings of a table. */
  fillHeader(headings: unknown): string
}

const names: ReadonlySet<string> = new Set(Object.keys(templateFunctions))

/**
 * Reads a template of Go's text/template: fields, pipelines, variables, if, with, range, break, continue, Go's functions
 * (less `call`) and docker's. Not: define, template, block, methods. Throws a TemplateError.
 */
export function compileTemplate(text: string): Template {
  const nodes = parseTemplate(text, names)
  return {
    fill: (data) => evaluateTemplate(text, nodes, templateFunctions, data),
    fillHeader: (headings) => evaluateTemplate(text, nodes, headerFunctions, headings),
  }
}
