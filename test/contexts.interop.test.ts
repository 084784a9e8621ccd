import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { faultsOf } from './kit/check-store.ts'
import { openBench } from './kit/cli.ts'
import { filesOf } from './kit/files-of.ts'
import { hasProgram } from './kit/needs.ts'

test.skipIf(!hasProgram('skopeo'))('a layout that skopeo made is a base, with layers as gzip', async () => {
  const bench = openBench({
    Dockerfile: 'FROM base\nCOPY --from=base /base /again\n',
    base: 'FROM scratch\nCOPY a /base\n',
    a: 'a',
  })
  await bench.succeed(['build', '-q', '-t', 'base', '-f', 'context/base', 'context'])
  const from = `oci:${bench.home}:docker.io/library/base:latest`
  execFileSync('skopeo', ['copy', '-q', '--insecure-policy', '--dest-compress', from, `oci:${bench.folder}/layout:1`])
  const other = { ...bench, home: join(bench.folder, 'other') }
  const home = { home: other.home }
  await bench.succeed(['build', '-q', '-t', 'x', '--build-context', 'base=oci-layout://layout:1', 'context'], home)
  const succeed = (argv: readonly string[]) => bench.succeed(argv, home)
  expect(await filesOf({ ...other, succeed }, 'x')).toEqual({ again: 'a' })
  expect(await faultsOf(other.home)).toEqual([])
})
