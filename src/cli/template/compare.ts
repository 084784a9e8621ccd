import { formatValue, Printed, Struct, typeName } from './values.ts'

/** Go's `eq`: compares strings with strings, numbers with numbers, nil with anything. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === null || a === undefined || b === null || b === undefined) return (a ?? null) === (b ?? null)
  const [x, y] = [basic(a), basic(b)]
  if (typeof x !== typeof y) throw new Error('incompatible types for comparison')
  return x === y
}

/** Returns a negative number, zero or a positive number, for `lt` and the like. */
export function compareOrder(a: unknown, b: unknown): number {
  const [x, y] = [basic(a), basic(b)]
  if (typeof x !== typeof y) throw new Error('incompatible types for comparison')
  if (typeof x === 'string') return Buffer.compare(Buffer.from(x), Buffer.from(y as string))
  if (typeof x === 'number') return x - (y as number)
  throw new Error('invalid type for comparison')
}

function basic(value: unknown): string | number | boolean | undefined {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (value instanceof Printed) return typeof value.raw === 'number' ? value.raw : value.text
  const type = value instanceof Struct ? value.type : typeName(value)
  throw new Error(`non-comparable type ${formatValue(value)}: ${type}`)
}
