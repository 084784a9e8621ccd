import { describe, onTestFinished } from 'vitest'
import { overCutNetwork } from './kit/cut-network.ts'
import { hasRegistry, startRegistry } from './kit/docker-registry.ts'

describe.runIf(hasRegistry)('to distribution 2.8, over a network that is cut at any byte', () => {
  const start = async () => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    return registry
  }
  overCutNetwork(start, { shared: true })
})
