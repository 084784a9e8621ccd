import type { StepReason } from '../../../support/index.ts'
import { digestOfText, type Recipe } from './recipe.ts'

const longest = 200

/** Returns what differs between two recipes, except the files. */
export function reasonsOf(old: Recipe, now: Recipe): StepReason[] {
  const names = [...new Set([...Object.keys(old.inputs), ...Object.keys(now.inputs)])]
  const reasons = names.flatMap((name) => {
    const [from, to] = [old.inputs[name], now.inputs[name]]
    return isSame(from, to) || name === 'files' ? [] : [reasonOf(name, from, to)]
  })
  if (old.onto === now.onto) return reasons
  const [was, is] = [old.base, now.base]
  if (was !== undefined && is !== undefined && was.chain !== is.chain) {
    const message =
      was.name === is.name
        ? `the base ${is.name} moved from ${short(was.digest)} to ${short(is.digest)}`
        : `the base changed from ${was.name} to ${is.name}`
    return [{ kind: 'base', name: is.name, from: was.digest, to: is.digest, message }, ...reasons]
  }
  const below =
    old.below === now.below
      ? `the step before it has another result: ${now.below}`
      : `the step before it is another: ${now.below}`
  return [{ kind: 'below', name: now.below, from: old.onto, to: now.onto, message: below }, ...reasons]
}

/** A value of another store is only known by its digest. */
function isSame(from: string | undefined, to: string | undefined): boolean {
  if (from === to) return true
  return from !== undefined && to !== undefined && hidden(from) && from === hiddenPrefix + digestOfText(to)
}

function reasonOf(label: string, from: string | undefined, to: string | undefined): StepReason {
  const [, kind, name = ''] = /^(variable|mount|secret|ssh|script|host) (.*)$/s.exec(label) ?? [undefined, label]
  const facts = { ...(name === '' ? {} : { name }) }
  switch (kind) {
    case 'variable': {
      const values = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
      return { kind, ...facts, ...values, message: changed(`the variable ${name}`, from, to) }
    }
    case 'mount':
      return { kind, ...facts, message: mounted(`the mount at ${name}`, `what is mounted at ${name}`, from, to) }
    case 'secret':
    case 'ssh':
      return { kind, ...facts, message: mounted(`the ${kind} "${name}"`, `the ${kind} "${name}"`, from, to) }
    case 'script':
    case 'host':
      return { kind, ...facts, message: mounted(`the ${kind} ${name}`, `the ${kind} ${name}`, from, to) }
    default: {
      const isFlag = label.startsWith('--')
      const values = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
      return {
        kind: isFlag ? 'flag' : label,
        ...(isFlag ? { name: label } : {}),
        ...values,
        message: changed(isFlag ? label : `the ${label}`, from, to),
      }
    }
  }
}

function changed(what: string, from: string | undefined, to: string | undefined): string {
  if (from === undefined) return `${what} is new: ${quoted(to!)}`
  if (to === undefined) return `${what} is gone; it was ${quoted(from)}`
  return hidden(from) || hidden(to) ? `${what} changed` : `${what} changed from ${quoted(from)} to ${quoted(to)}`
}

function mounted(what: string, content: string, from: string | undefined, to: string | undefined): string {
  if (from === undefined) return `${what} is new`
  return to === undefined ? `${what} is gone` : `${content} changed`
}

/** The value of a variable as another store tells it: only whether it is the same. */
export const hiddenPrefix = 'sha256-of-it:'

function hidden(value: string): boolean {
  return value.startsWith(hiddenPrefix)
}

function quoted(value: string): string {
  if (hidden(value)) return 'a value that only its own store knows'
  return JSON.stringify(value.length > longest ? `${value.slice(0, longest)}…` : value)
}

/** `sha256:` and twelve digits. */
export function short(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12)
}
