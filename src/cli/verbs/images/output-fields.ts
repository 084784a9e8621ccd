import { Failure, notYet } from '../../failure.ts'

/** The fields of one `--output`, of which every one has to be asked for. */
export class OutputFields {
  readonly type: string
  private readonly pairs: Map<string, string>

  /** Throws for what is not a list of fields with a type. */
  constructor(text: string) {
    this.pairs = new Map(
      fieldsOf(text).map((field) => {
        const equals = field.indexOf('=')
        if (equals < 0) throw new Failure(`invalid value ${field} in --output: it is not KEY=VALUE`)
        return [field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1)]
      }),
    )
    const type = this.take('type')
    if (type === undefined) throw new Failure('type is required for output')
    this.type = type
  }

  /** The value of a field; undefined where it is not given. */
  take(key: string): string | undefined {
    const value = this.pairs.get(key)
    this.pairs.delete(key)
    return value
  }

  /** The value of a switch, as Go reads it. */
  takeSwitch(key: string): boolean | undefined {
    const value = this.take(key)
    if (value === undefined) return undefined
    if (/^(?:1|t|true)$/i.test(value)) return true
    if (/^(?:0|f|false)$/i.test(value)) return false
    throw new Failure(`non-bool value specified for ${key} in --output: ${JSON.stringify(value)}`)
  }

  /** A switch that is taken as it is here in any case. Throws where it is asked for otherwise. */
  expect(key: string, value: boolean): void {
    const asked = this.takeSwitch(key)
    if (asked !== undefined && asked !== value) throw notYet(`--output type=${this.type},${key}=${asked}`)
  }

  /** Throws for what nobody has asked for: what is given must not be dropped. */
  finish(): void {
    for (const [key, value] of this.pairs) throw notYet(`--output type=${this.type},${key}=${value}`)
  }
}

/** A line of CSV: a field with commas stands in quotes. */
function fieldsOf(text: string): string[] {
  const fields: string[] = []
  const pattern = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y
  for (;;) {
    const match = pattern.exec(text)
    if (match === null) throw new Failure(`invalid --output ${JSON.stringify(text)}: a quote is not where one can be`)
    fields.push(match[1] === undefined ? match[2]! : match[1].replaceAll('""', '"'))
    if (match[3] === '') return fields
  }
}
