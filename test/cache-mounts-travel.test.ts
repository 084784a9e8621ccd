import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sandboxVariants } from './kit/alpine-steps.ts'
import { registryOfTest } from './kit/build-bench.ts'
import { openQuickBench } from './kit/call-tare.ts'
import { temporaryFolder } from './kit/cli.ts'
import { rootFilesystem } from './kit/root-filesystem.ts'

const usable = sandboxVariants().some(({ hindrance }) => hindrance === undefined)

/** A build whose RUN adds a letter to a file in each of two cache mounts and prints them. */
async function letters(letter: string, flags: readonly string[]) {
  const mount = (id: string) => `--mount=type=cache,id=${id},target=/${id}`
  const add = (id: string) => `echo ${letter} >> /${id}/f && echo ${id}: $(cat /${id}/f)`
  const bench = openQuickBench({
    'rootfs.tgz': readFileSync(rootFilesystem!),
    Dockerfile: `FROM scratch\nADD rootfs.tgz /\nRUN ${mount('one')} ${mount('two')} ${add('one')} && ${add('two')}\n`,
  })
  const { code, err } = await bench.tare(['build', ...flags, bench.context])
  expect([code, code === 0 ? '' : err]).toEqual([0, ''])
  return { one: /\d\.\d+ one: (.*)$/m.exec(err)?.[1], two: /\d\.\d+ two: (.*)$/m.exec(err)?.[1], err }
}

test.skipIf(!usable)('cache mounts travel with the cache, if that is asked for on both sides', async () => {
  const registry = await registryOfTest()
  const places: [string, string][] = [
    [`type=registry,ref=${registry.host}/app:cache`, `type=registry,ref=${registry.host}/app:cache`],
  ]
  const folder = join(temporaryFolder(), 'cache')
  places.push([`type=local,dest=${folder}`, `type=local,src=${folder}`])
  for (const [to, from] of places) {
    expect(await letters('a', ['--cache-to', `${to},mounts=true`])).toMatchObject({ one: 'a', two: 'a' })
    expect(await letters('b', ['--cache-from', `${from},mounts=true`])).toMatchObject({ one: 'a b', two: 'a b' })
    expect(await letters('b', ['--cache-from', from])).toMatchObject({ one: 'b', two: 'b' })
  }
})

test.skipIf(!usable)('only mounts of the given ids travel, and no more than the given size', async () => {
  const folder = join(temporaryFolder(), 'cache')
  const from = ['--cache-from', `type=local,src=${folder},mounts=true`]
  await letters('a', ['--cache-to', `type=local,dest=${folder},mounts=true,mounts-ids=o*;none`])
  expect(await letters('b', from)).toMatchObject({ one: 'a b', two: 'b' })
  const small = join(temporaryFolder(), 'cache')
  await letters('a', ['--cache-to', `type=local,dest=${small},mounts=true,mounts-max=1k`])
  expect(await letters('b', ['--cache-from', `type=local,src=${small},mounts=true`])).toMatchObject({
    one: 'b',
    two: 'b',
  })
})
