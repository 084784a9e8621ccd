import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const report = process.env['TARE_TEST_REPORT']

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts', 'docs/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // What others do on the machine may hold up anything for seconds.
    expect: { poll: { timeout: 60_000, interval: 20 } },
    pool: 'forks',
    // Left to itself, Vitest keeps one core free.
    maxWorkers: availableParallelism(),
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
})
