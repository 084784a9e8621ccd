import { closest, TareError } from '../../support/index.ts'

/** What a value has to be. `T` is the type of the option that it stands for. */
export interface Check<out T> {
  /** After "must be": `a list of strings`. */
  readonly what: string
  /** Throws an `OptionFault` for what is not that. */
  readonly test: (value: unknown, at: string) => void
  readonly required?: boolean
  /** Never there: it carries the type. */
  readonly type?: T
}

/** A check for each option of `O`, no more and no less. */
export type Shape<O> = { readonly [K in keyof O]-?: Check<O[K]> }

/**
 * Throws `OPTION_INVALID` for options that do not have the shape: not an object, with an unknown option, without a required
 * one, or with a value of another type. `verb` is what the message calls the call.
 */
export function checkOptions<O>(verb: string, shape: Shape<O>, options: unknown): void {
  try {
    object(shape).test(options, '')
  } catch (error) {
    if (!(error instanceof OptionFault)) throw error
    throw new TareError('OPTION_INVALID', `${verb}: ${error.message}`, { remedy: error.remedy })
  }
}

/** The same for an argument that is a string. */
export function checkText(verb: string, what: string, value: unknown): void {
  if (typeof value === 'string') return
  throw new TareError('OPTION_INVALID', `${verb}: the ${what} must be a string, not ${kindOf(value)}`, {
    remedy: 'The options come after it.',
  })
}

/** A value that is not what its check wants. */
class OptionFault extends Error {
  readonly remedy: string | undefined

  constructor(message: string, remedy?: string) {
    super(message)
    this.remedy = remedy
  }
}

function fault(at: string, what: string, value: unknown, remedy?: string): OptionFault {
  return new OptionFault(`${at === '' ? 'the options' : at} must be ${what}, not ${kindOf(value)}`, remedy)
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return value.length < 40 ? `the string ${JSON.stringify(value)}` : 'a string'
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object') return `${typeof value} ${String(value)}`
  return isObject(value) ? 'an object' : `an object of ${value.constructor?.name ?? 'another kind'}`
}

/** A check that one look at the value decides. */
function simple<T>(what: string, fits: (value: unknown) => boolean): Check<T> {
  return {
    what,
    test: (value, at) => {
      if (!fits(value)) throw fault(at, what, value)
    },
  }
}

export const text = simple<string>('a string', (value) => typeof value === 'string')
export const flag = simple<boolean>('true or false', (value) => typeof value === 'boolean')
export const signal = simple<AbortSignal>('an AbortSignal', (value) => value instanceof AbortSignal)
export const content = simple<string | Uint8Array>(
  'a string or a Uint8Array',
  (value) => typeof value === 'string' || value instanceof Uint8Array,
)
export const bytes = simple<AsyncIterable<Uint8Array>>(
  'an async iterable of Uint8Array, such as a stream',
  (value) => typeof (value as Partial<AsyncIterable<Uint8Array>> | null)?.[Symbol.asyncIterator] === 'function',
)

export function callback<F>(): Check<F> {
  return simple<F>('a function', (value) => typeof value === 'function')
}

/** A whole number that is not less than `least`. */
export function whole(least: number): Check<number> {
  return simple<number>(
    `a whole number${least === 0 ? ' that is not negative' : ` of at least ${least}`}`,
    (value) => Number.isSafeInteger(value) && (value as number) >= least,
  )
}

export const number = simple<number>('a number', (value) => typeof value === 'number')
export const amount = simple<number>(
  'a number that is not negative',
  (value) => (value as number) >= 0 && typeof value === 'number',
)

export function oneOf<const T extends string>(...values: readonly T[]): Check<T> {
  const shown = values.map((value) => JSON.stringify(value))
  return simple<T>(shown.length === 1 ? shown[0]! : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`, (value) =>
    values.includes(value as T),
  )
}

export function list<T>(item: Check<T>): Check<readonly T[]> {
  const what = item === (text as Check<unknown>) ? 'a list of strings' : 'a list'
  return {
    what,
    test: (value, at) => {
      if (!Array.isArray(value))
        throw fault(
          at,
          what,
          value,
          typeof value === 'string' ? `Write ${last(at)}: [${JSON.stringify(value)}].` : undefined,
        )
      for (const [i, one] of value.entries()) item.test(one, `${at}[${i}]`)
    },
  }
}

/** An object with any keys. With `orUndefined` a value may be undefined. */
export function record<T>(item: Check<T>): Check<Readonly<Record<string, T>>>
export function record<T>(item: Check<T>, orUndefined: true): Check<Readonly<Record<string, T | undefined>>>
export function record<T>(item: Check<T>, orUndefined = false): Check<Readonly<Record<string, T | undefined>>> {
  const what = 'an object'
  return {
    what,
    test: (value, at) => {
      if (!isObject(value)) throw fault(at, what, value)
      for (const [key, one] of Object.entries(value))
        if (one !== undefined || !orUndefined) item.test(one, `${at}[${JSON.stringify(key)}]`)
    },
  }
}

export function required<T>(check: Check<T>): Check<T> {
  return { ...check, required: true }
}

/** An object with these options and no other. */
export function object<O>(shape: Shape<O>): Check<O> {
  const what = 'an object'
  return {
    what,
    test: (value, at) => {
      if (!isObject(value)) throw fault(at, what, value)
      refuseUnknown(value, at, Object.keys(shape))
      for (const [key, check] of Object.entries(shape) as [string, Check<unknown>][]) {
        const path = at === '' ? key : `${at}.${key}`
        if (value[key] !== undefined) check.test(value[key], path)
        else if (check.required === true) throw new OptionFault(`${path} is missing: it must be ${check.what}`)
      }
    },
  }
}

/** One of several objects, which the option `key` tells apart. */
export function variants<T>(
  key: string,
  shapes: Readonly<Record<string, Readonly<Record<string, Check<unknown>>>>>,
): Check<T> {
  const names = Object.keys(shapes)
  const named = required(oneOf(...names))
  return {
    what: `an object with ${key}`,
    test: (value, at) => {
      if (!isObject(value)) throw fault(at, `an object with ${key}`, value)
      if (!names.includes(value[key] as string)) named.test(value[key], at === '' ? key : `${at}.${key}`)
      object({ [key]: named, ...shapes[value[key] as string] }).test(value, at)
    },
  }
}

/** One of several objects, each of which has an option that no other has: the first of its shape. */
export function either<T>(...shapes: readonly Readonly<Record<string, Check<unknown>>>[]): Check<T> {
  const firsts = shapes.map((shape) => Object.keys(shape)[0]!)
  const what = `an object with ${firsts.slice(0, -1).join(', ')} or ${firsts.at(-1)}`
  return {
    what,
    test: (value, at) => {
      if (!isObject(value)) throw fault(at, what, value)
      const given = firsts.flatMap((key, i) => (value[key] === undefined ? [] : [i]))
      if (given.length > 1)
        throw new OptionFault(`${at} cannot have both ${firsts[given[0]!]} and ${firsts[given[1]!]}`)
      if (given.length === 0) {
        refuseUnknown(
          value,
          at,
          shapes.flatMap((shape) => Object.keys(shape)),
        )
        throw new OptionFault(`${at} must be ${what}`)
      }
      object(shapes[given[0]!]!).test(value, at)
    },
  }
}

function refuseUnknown(value: object, at: string, known: readonly string[]): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key))
  if (unknown === undefined) return
  const meant = closest(unknown, known)
  throw new OptionFault(
    `there is no option ${at === '' ? unknown : `${at}.${unknown}`}`,
    meant === undefined ? `Those known are ${known.join(', ')}.` : `Did you mean ${meant}?`,
  )
}

/** Told by its tag: neither a Map, a Date nor an AbortSignal, whose contents would not be seen; but process.env, which is not plain. */
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === '[object Object]'
}

function last(at: string): string {
  return at.slice(at.lastIndexOf('.') + 1)
}
