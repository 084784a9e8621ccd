import { TareError } from '../../support/index.ts'

/** Parses `key=value,key=value`, with keys in lower case. Throws `OPTION_INVALID`, naming `what`. */
export function fieldsOf(text: string, what: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(',').map((field): [string, string] => {
      const sign = field.indexOf('=')
      if (sign < 0) throw invalid(what, text, `"${field}" must be key=value.`)
      return [field.slice(0, sign).toLowerCase(), field.slice(sign + 1)]
    }),
  )
}

export function invalid(what: string, text: string, remedy: string): TareError {
  return new TareError('OPTION_INVALID', `invalid ${what} ${JSON.stringify(text)}`, { remedy })
}
