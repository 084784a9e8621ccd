import { describe, expect, onTestFinished, test } from 'vitest'
import { hasRegistry, startRegistry } from '../../test/kit/docker-registry.ts'
import { speaksInClear } from './peek.ts'

describe.runIf(hasRegistry)('distribution 2.8', () => {
  test('is told without TLS', async () => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    expect(await speaksInClear(new URL(`https://${registry.host}`))).toBe(true)
  })
})
