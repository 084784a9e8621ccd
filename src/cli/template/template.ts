import { evaluateTemplate } from './evaluate.ts'
import { headerFunctions, templateFunctions } from './functions.ts'
import { parseTemplate } from './parse.ts'

export interface Template {
  /** Evaluates the template with `data`. Throws a TemplateError. */
  fill(data: unknown): string
  /** The same for the headings of a table. */
  fillHeader(headings: unknown): string
}

const names: ReadonlySet<string> = new Set(Object.keys(templateFunctions))

/**
 * Parses a template of Go's text/template: fields, pipelines, variables, if, with, range, break, continue, Go's functions (except
 * `call`) and docker's. Not supported: define, template, block, methods. Throws a TemplateError.
 */
export function compileTemplate(text: string): Template {
  const nodes = parseTemplate(text, names)
  return {
    fill: (data) => evaluateTemplate(text, nodes, templateFunctions, data),
    fillHeader: (headings) => evaluateTemplate(text, nodes, headerFunctions, headings),
  }
}
