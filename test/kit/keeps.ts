import { expect, test } from 'vitest'

/** A test that passes where `run` does, whatever it looks with. */
export function keeps(title: string, run: () => Promise<void>): void {
  test(title, () => expect(run()).resolves.toBeUndefined())
}
