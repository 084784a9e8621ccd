import { describe } from 'vitest'
import { startBad } from './kit/bad-registry-client.ts'
import { overCutNetwork } from './kit/cut-network.ts'

describe('over a network that is cut at any byte', () => overCutNetwork(startBad, { shared: false }))
