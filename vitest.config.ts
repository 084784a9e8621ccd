import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const report = process.env['TARE_TEST_REPORT']

// Rooms that know neither disk nor process: their tests share threads and modules.
const pure = [
  'src/{oci,support,dockerfile}/**/*.test.ts',
  'src/builder/{plan,assemble}/**/*.test.ts',
  'src/files/{tar,tree}/**/*.test.ts',
  'src/cli/{template,render}/**/*.test.ts',
  'src/cli/text/{excerpt,human,listing,printable}.test.ts',
  'web/src/**/*.test.ts',
]
// What needs servers, browsers or daemons of others.
const interop = ['test/interop/**/*.test.ts', '**/*.interop.test.ts']

// Files that are small and take long: vitest begins with the largest, and one of these would be alone at the end.
const long = ['golden', 'memory', 'long-output', 'cache-mounts-travel', 'set-id', 'pulse', 'broken-network']
const isLong = ({ moduleId }: TestSpecification) => long.some((name) => moduleId.endsWith(`/${name}.test.ts`))

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    // Projects stay one after the other.
    const projects = [...new Set(sorted.map(({ project }) => project))]
    return projects.flatMap((own) => {
      const these = sorted.filter(({ project }) => project === own)
      return [...these.filter(isLong), ...these.filter((file) => !isLong(file))]
    })
  }
}

const setupFiles = ['test/kit/setup.ts']

export default defineConfig({
  test: {
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: {
      // What others do on the machine may hold up anything for seconds.
      poll: { timeout: 60_000, interval: 20 },
      requireAssertions: true,
    },
    globalSetup: 'test/kit/own-folder.ts',
    sequence: { sequencer: LongFirst },
    // One more than cores: many tests wait for processes, disks and locks.
    maxWorkers: availableParallelism() + 1,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    projects: [
      {
        extends: true,
        test: { name: 'pure', include: pure, exclude: interop, setupFiles, pool: 'threads', isolate: false },
      },
      {
        extends: true,
        test: {
          name: 'rooms',
          include: ['{src,test,examples,docs}/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...pure, ...interop],
          setupFiles,
          pool: 'forks',
          isolate: false,
        },
      },
      { extends: true, test: { name: 'interop', include: interop, pool: 'forks' } },
    ],
  },
})
