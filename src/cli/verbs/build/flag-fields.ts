import { Failure, notYet } from '../../failure.ts'
import { nearest } from '../../nearest.ts'

/** The fields of a flag such as `--cache-to`, all of which must be read. */
export class FlagFields {
  readonly type: string
  private readonly pairs: Map<string, string>
  /** Whatever has been asked for. */
  private readonly known = new Set<string>()
  private readonly flag: string

  /** Throws if the text is not a list of fields with a type. */
  constructor(text: string, flag: string) {
    this.flag = flag
    this.pairs = new Map(
      fieldsOf(text, flag).map((field) => {
        const equals = field.indexOf('=')
        if (equals < 0) throw new Failure(`invalid value ${field} in ${flag}: expected KEY=VALUE`)
        return [field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1)]
      }),
    )
    const type = this.take('type')
    if (type === undefined) throw new Failure(`type is required for ${flag}`)
    this.type = type
  }

  /** Returns a field's value; undefined if it is not given. */
  take(key: string): string | undefined {
    const value = this.pairs.get(key)
    this.known.add(key)
    this.pairs.delete(key)
    return value
  }

  /** Returns a boolean, parsed like Go. */
  takeSwitch(key: string): boolean | undefined {
    const value = this.take(key)
    if (value === undefined) return undefined
    if (/^(?:1|t|true)$/i.test(value)) return true
    if (/^(?:0|f|false)$/i.test(value)) return false
    throw new Failure(`non-bool value specified for ${key} in ${this.flag}: ${JSON.stringify(value)}`)
  }

  /** Checks a boolean that has a fixed value here. Throws if it is given with the other one. */
  expect(key: string, value: boolean): void {
    const asked = this.takeSwitch(key)
    if (asked !== undefined && asked !== value) throw notYet(`${this.flag} type=${this.type},${key}=${asked}`)
  }

  /** Throws if any field was not read: nothing given may be ignored. */
  finish(): void {
    for (const [key, value] of this.pairs) {
      const meant = nearest(key, this.known)
      throw new Failure(`${this.flag} type=${this.type},${key}=${value}: there is no key ${key}`, {
        remedy: meant === undefined ? undefined : `Did you mean ${meant}?`,
      })
    }
  }
}

/** Splits a line of CSV: a field with commas is quoted. */
export function fieldsOf(text: string, flag: string): string[] {
  const fields: string[] = []
  const pattern = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y
  for (;;) {
    const match = pattern.exec(text)
    if (match === null) throw new Failure(`invalid ${flag} ${JSON.stringify(text)}: misplaced quote`)
    fields.push(match[1] === undefined ? match[2]! : match[1].replaceAll('""', '"'))
    if (match[3] === '') return fields
  }
}
