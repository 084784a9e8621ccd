import type { FunctionTable, Parameter, TemplateFunction } from './functions.ts'
import type { Operand, Pipe, PipelineCommand, TemplateNode } from './parse.ts'
import { lineOf, TemplateError } from './template-error.ts'
import { formatValue, isTrue, Struct, sortedEntries, typeName } from './values.ts'

/** Evaluates a parsed template with a value. Throws a TemplateError that points to the cause. */
export function evaluateTemplate(
  text: string,
  nodes: readonly TemplateNode[],
  functions: FunctionTable,
  data: unknown,
): string {
  const evaluation = new Evaluation(text, functions, data)
  evaluation.walk(nodes, data)
  return evaluation.output
}

type Control = Extract<TemplateNode, { readonly body: unknown }>

interface Variable {
  readonly name: string
  value: unknown
}

/** Means "no further argument" in the first command of a pipeline. */
const none = Symbol('none')

class Evaluation {
  output = ''
  private readonly text: string
  private readonly functions: FunctionTable
  private readonly variables: Variable[]

  constructor(text: string, functions: FunctionTable, data: unknown) {
    this.text = text
    this.functions = functions
    this.variables = [{ name: '$', value: data }]
  }

  /** Returns `break` or `continue` if that ended the list. */
  walk(nodes: readonly TemplateNode[], dot: unknown): 'break' | 'continue' | undefined {
    for (const node of nodes) {
      if (node.kind === 'text') this.output += node.text
      else if (node.kind === 'print') this.print(node.pipe, dot)
      else if (node.kind === 'break' || node.kind === 'continue') return node.kind
      else if ('body' in node) {
        const scope = this.variables.length
        const ended = node.kind === 'range' ? this.range(node, dot) : this.choose(node, dot)
        this.variables.length = scope
        if (ended !== undefined) return ended
      }
    }
    return undefined
  }

  private print(pipe: Pipe, dot: unknown): void {
    const value = this.pipe(pipe, dot)
    if (pipe.variables.length > 0) return
    this.output += value === undefined ? '<no value>' : formatValue(value)
  }

  private choose(node: Control, dot: unknown): 'break' | 'continue' | undefined {
    const value = this.pipe(node.pipe, dot)
    if (isTrue(value)) return this.walk(node.body, node.kind === 'with' ? value : dot)
    return this.walk(node.otherwise, dot)
  }

  private range(node: Control, dot: unknown): 'break' | 'continue' | undefined {
    const { variables, assigns, commands } = node.pipe
    const value = this.pipe({ variables: [], assigns: false, commands }, dot)
    const items = this.items(value, commands)
    const scope = this.variables.length
    for (const [key, item] of items) {
      const [first, second] = variables
      const bind = (name: string, bound: unknown) => (assigns ? this.assign(name, bound) : this.declare(name, bound))
      if (first !== undefined) bind(first, second === undefined ? item : key)
      if (second !== undefined) bind(second, item)
      const ended = this.walk(node.body, item)
      this.variables.length = scope
      if (ended === 'break') break
    }
    return items.length === 0 ? this.walk(node.otherwise, dot) : undefined
  }

  private items(value: unknown, commands: readonly PipelineCommand[]): readonly (readonly [unknown, unknown])[] {
    if (Array.isArray(value)) return value.map((item, i) => [i, item])
    if (value instanceof Map) return sortedEntries(value)
    if (typeof value === 'number') return Array.from({ length: Math.max(0, value) }, (_, i) => [i, i])
    if (value === undefined || value === null) return []
    const command = commands.at(-1)!
    throw this.fail(command, `range can't iterate over ${formatValue(value)}`)
  }

  private pipe(pipe: Pipe, dot: unknown): unknown {
    let value: unknown = none
    for (const command of pipe.commands) value = this.command(command, dot, value)
    for (const name of pipe.variables) {
      if (pipe.assigns) this.assign(name, value)
      else this.declare(name, value)
    }
    return value
  }

  private declare(name: string, value: unknown): void {
    this.variables.push({ name, value })
  }

  private assign(name: string, value: unknown): void {
    this.variables.findLast((variable) => variable.name === name)!.value = value
  }

  private command(command: PipelineCommand, dot: unknown, piped: unknown): unknown {
    const [first, ...rest] = command.operands as [Operand, ...Operand[]]
    if (first.kind === 'function') return this.call(first, command, rest, dot, piped)
    if (first.kind === 'nil') throw this.fail(first, 'nil is not a command')
    if (rest.length > 0 || piped !== none) {
      const field = first.fields.at(-1)
      if (field !== undefined) throw this.fail(first, `${field} is not a method but has arguments`)
      throw this.fail(first, `can't give argument to non-function ${first.source}`)
    }
    return this.value(first, dot)
  }

  private value(operand: Operand, dot: unknown): unknown {
    let value: unknown = null
    if (operand.kind === 'dot') value = dot
    else if (operand.kind === 'literal') value = operand.value
    else if (operand.kind === 'variable') value = this.variables.findLast(({ name }) => name === operand.name)!.value
    else if (operand.kind === 'pipe') value = this.pipe(operand.pipe!, dot)
    else if (operand.kind === 'function') value = this.call(operand, operand, [], dot, none, true)
    for (const field of operand.fields) value = this.field(value, field, operand)
    return value
  }

  private field(value: unknown, name: string, operand: Operand): unknown {
    if (value instanceof Map) return value.get(name)
    if (value instanceof Struct) {
      if (Object.hasOwn(value.fields, name)) return value.fields[name]
      if (value.raw === value.fields) throw this.fail(operand, `can't evaluate field ${name} in type ${value.type}`)
      return this.field(value.raw, name, operand)
    }
    if (value === null || value === undefined) throw this.fail(operand, `nil pointer evaluating interface {}.${name}`)
    if (typeof value !== 'object' || Array.isArray(value))
      throw this.fail(operand, `can't evaluate field ${name} in type interface {}`)
    if (!Object.hasOwn(value, name)) throw this.fail(operand, `map has no entry for key ${JSON.stringify(name)}`)
    return (value as Record<string, unknown>)[name]
  }

  private call(
    operand: Operand,
    whole: { readonly at: number; readonly source: string },
    operands: readonly Operand[],
    dot: unknown,
    piped: unknown,
    bare = false,
  ): unknown {
    const name = operand.name!
    const callee = this.functions[name]!
    const count = operands.length + (piped === none ? 0 : 1)
    const { takes, more } = callee
    if (more === undefined ? count !== takes.length : count < takes.length)
      throw this.fail(
        operand,
        `wrong number of args for ${name}: want ${more === undefined ? '' : 'at least '}${takes.length} got ${count}`,
      )
    if (name === 'and' || name === 'or') return this.shortCut(name, operands, dot, piped)
    const args = operands.map((argument, i) => this.argument(argument, parameter(callee, i), dot))
    if (piped !== none) args.push(this.fit(piped, parameter(callee, args.length), operand))
    let result: unknown
    try {
      result = callee.call(...(args as never[]))
    } catch (error) {
      throw this.fail(whole, `error calling ${name}: ${(error as Error).message}`)
    }
    return bare ? result : operand.fields.reduce((value, field) => this.field(value, field, operand), result)
  }

  private shortCut(name: 'and' | 'or', operands: readonly Operand[], dot: unknown, piped: unknown): unknown {
    let value: unknown
    for (const operand of operands) {
      value = this.argument(operand, 'any', dot)
      if (isTrue(value) === (name === 'or')) return value
    }
    return piped === none ? value : piped
  }

  private argument(operand: Operand, type: Parameter, dot: unknown): unknown {
    const value = this.value(operand, dot)
    if (operand.kind !== 'literal' || fits(value, type)) return this.fit(value, type, operand)
    const expected = { any: '', string: 'expected string; found ', int: 'expected integer; found ', strings: '' }[type]
    throw this.fail(
      operand,
      expected === '' ? `can't handle ${operand.source} for arg of type []string` : expected + operand.source,
    )
  }

  private fit(value: unknown, type: Parameter, operand: Operand): unknown {
    if (fits(value, type)) return value
    const expected = { any: '', string: 'string', int: 'int', strings: '[]string' }[type]
    if (value === undefined || value === null) throw this.fail(operand, `invalid value; expected ${expected}`)
    throw this.fail(operand, `wrong type for value; expected ${expected}; got ${typeName(value)}`)
  }

  private fail(node: { readonly at: number; readonly source: string }, what: string): TemplateError {
    const column = node.at - (this.text.lastIndexOf('\n', node.at - 1) + 1)
    return new TemplateError(
      `template: :${lineOf(this.text, node.at)}:${column}: executing "" at <${node.source}>: ${what}`,
    )
  }
}

function parameter(callee: TemplateFunction, i: number): Parameter {
  return callee.takes[i] ?? callee.more ?? 'any'
}

function fits(value: unknown, type: Parameter): boolean {
  if (type === 'any') return true
  if (type === 'string') return typeof value === 'string'
  if (type === 'int') return typeof value === 'number' && Number.isInteger(value)
  return Array.isArray(value)
}
