import fc from 'fast-check'
import { afterAll } from 'vitest'
import { endFile } from './file-end.ts'
import { inMemory } from './on-disk.ts'

// What is tried is the same in every run but `npm run soak`, so that one that fails is not luck.
fc.configureGlobal({ seed: Number(process.env['TARE_TEST_SEED'] ?? 1) })

inMemory()
afterAll(endFile)
