import { Failure } from '../../../failure.ts'
import { nearest } from '../../../nearest.ts'
import { fieldsOf } from '../flag-fields.ts'
import { nameOfKey, type OutputType, outputKeys, outputTypes, statusOf } from './output-keys.ts'

/** The fields of an `--output`. */
export class OutputFields {
  readonly type: OutputType
  /** In the order they were given. */
  private readonly pairs: ReadonlyMap<string, string>

  /** Throws if the text is not a list of fields that the type knows. */
  constructor(text: string) {
    const pairs = new Map(
      fieldsOf(text, '--output').map((field) => {
        const equals = field.indexOf('=')
        if (equals < 0) throw new Failure(`invalid value ${field} in --output: expected KEY=VALUE`)
        const key = field.slice(0, equals).trim()
        // The keys of annotations are the user's own.
        return [/^annotation/i.test(key) ? key : key.toLowerCase(), field.slice(equals + 1)]
      }),
    )
    const type = pairs.get('type')
    if (type === undefined) throw new Failure('type is required for output')
    pairs.delete('type')
    const known = outputTypes.find((candidate) => candidate === type)
    if (known === undefined)
      throw new Failure(`exporter ${JSON.stringify(type)} could not be found`, {
        remedy: `The types are ${outputTypes.join(', ')}.`,
      })
    this.type = known
    this.pairs = pairs
    for (const key of pairs.keys()) this.check(key)
  }

  /** Returns a field's value; undefined if it is not given. */
  get(key: string): string | undefined {
    return this.pairs.get(key)
  }

  /** Returns a boolean, parsed like Go. */
  flag(key: string): boolean | undefined {
    const value = this.get(key)
    if (value === undefined) return undefined
    if (/^(?:1|t|true)$/i.test(value)) return true
    if (/^(?:0|f|false)$/i.test(value)) return false
    throw new Failure(`non-bool value specified for ${key} in --output: ${JSON.stringify(value)}`)
  }

  /** Returns a whole number. */
  number(key: string): number | undefined {
    const value = this.get(key)
    if (value === undefined || value === '') return undefined
    if (/^\d{1,15}$/.test(value)) return Number(value)
    throw this.invalid(key, 'it is no whole number')
  }

  /** Returns one of several words. */
  word<T extends string>(key: string, words: readonly T[]): T | undefined {
    const value = this.get(key)
    if (value === undefined) return undefined
    const found = words.find((word) => word === value)
    if (found === undefined) throw this.invalid(key, `it is ${words.join(' or ')}`)
    return found
  }

  entries(): Iterable<readonly [string, string]> {
    return this.pairs
  }

  invalid(key: string, why: string): Failure {
    return new Failure(`invalid --output type=${this.type},${key}=${this.get(key)}: ${why}`)
  }

  private check(key: string): void {
    const name = nameOfKey(key)
    const known = Object.hasOwn(outputKeys, name) ? outputKeys[name] : undefined
    const what = `--output type=${this.type},${key}=${this.get(key)}`
    if (known === undefined) {
      const meant = nearest(key, Object.keys(outputKeys))
      throw new Failure(`${what}: there is no key ${key}`, {
        remedy: meant === undefined ? undefined : `Did you mean ${meant}?`,
      })
    }
    if (statusOf(known, this.type) !== 'refused') return
    const others = [...known.done, ...(known.ignored ?? [])]
    throw new Failure(`${what} is refused: ${known.why ?? `the type ${this.type} has no use for it`}`, {
      remedy: others.length === 0 ? 'Drop it.' : `It is a key of the types ${others.join(', ')}.`,
    })
  }
}
