import { expect } from 'vitest'
import type { Bench } from './cli.ts'

/** Runs a verb that has to be refused: with an answer on standard error, nothing on standard output, and exit code 1. */
export async function refused({ tare }: Bench, argv: readonly string[], said: RegExp, user?: number): Promise<void> {
  const { code, out, err } = await tare(argv, { user })
  expect(err).toMatch(said)
  expect(err).not.toMatch(/bug in tare|\n {4}at /)
  expect({ code, out }).toEqual({ code: 1, out: '' })
}
