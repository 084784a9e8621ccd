import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { onDisk } from '../../../test/kit/on-disk.ts'
import { programOf } from '../../../test/kit/other-process.ts'
import { Store } from './index.ts'

onDisk()

test('names that many processes give at once are all there afterwards', async () => {
  const home = join(temporaryFolder(), 'home')
  const tagging = await programOf(`
    import { parseReference } from './src/oci/index.ts'
    import { Store } from './src/content/store/index.ts'
    const store = new Store(process.argv[2]!)
    for (let i = 0; i < 15; i++)
      await store.keep({ mediaType: 'm', digest: 'sha256:' + 'a'.repeat(64), size: 1 }, [parseReference('n' + process.argv[3] + ':' + i)], new Date(0))
  `)
  const processes = ['a', 'b', 'c'].map((id) => tagging(home, id))
  expect(await Promise.all(processes.map(({ ended }) => ended))).toEqual([0, 0, 0])
  expect(new Set(new Store(home).entries().map(({ name }) => `${name!.repository}:${name!.tag}`)).size).toBe(45)
})

test('a lease of a process that was killed protects nothing any more', async () => {
  const home = join(temporaryFolder(), 'home')
  const leasing = await programOf(`
    import { Store } from './src/content/store/index.ts'
    new Store(process.argv[2]!).lease()
    console.log('leased')
    setInterval(() => {}, 1000)
  `)
  const other = leasing(home)
  await other.line()
  const store = new Store(home)
  const digest = store.blobs.write(Buffer.from('made while it worked'))
  expect(store.collect(new Set()).removed).toEqual([])
  other.child.kill('SIGKILL')
  await other.ended
  expect(store.collect(new Set()).removed).toEqual([digest])
})
