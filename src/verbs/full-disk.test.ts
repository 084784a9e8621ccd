import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { leftovers } from '../../test/kit/check-store.ts'
import { hostBench } from '../../test/kit/hosts.ts'
import { canMount, hasProgram, mountOn } from '../../test/kit/needs.ts'
import { serve } from '../../test/kit/serve.ts'
import { tarOf } from '../../test/kit/tiny-archive.ts'
import { manyBytes } from '../../test/kit/trees.ts'
import { flow } from '../support/index.ts'
import { build } from './build/build.ts'
import { importImage } from './images/import-image.ts'
import { load } from './images/load.ts'

// An archive that is loaded says more exactly what it needs the room for.
const full = { code: expect.stringMatching(/^(?:STORE_FULL|ARCHIVE_SCRATCH)$/) }
const archive = tarOf({ Dockerfile: 'FROM scratch\nCOPY f /\n', f: manyBytes(300_000) })

/** A host whose store has a disk of its own of 128 KiB. */
function smallHost() {
  const bench = hostBench()
  mkdirSync(bench.store.home)
  mountOn(bench.store.home, '-t', 'tmpfs', '-o', 'size=128k', 'tmpfs')
  return bench
}

test.skipIf(!canMount() || !hasProgram('bzip2'))(
  'whatever a full disk meets, it is told as that and leaves nothing',
  async () => {
    const { host, store, folder, build: buildHere } = smallHost()
    writeFileSync(join(folder, 'a.tar.bz2'), spawnSync('bzip2', ['-c'], { input: archive }).stdout)
    writeFileSync(join(folder, 'a.tar'), archive)
    const address = `${await serve((_, response) => response.end(archive))}/a.tar`
    const works: Readonly<Record<string, () => Promise<unknown>>> = {
      copy: () => buildHere('x', ['FROM scratch', 'COPY a.tar /']),
      unpack: () => buildHere('x', ['FROM scratch', 'ADD a.tar /']),
      inflate: () => buildHere('x', ['FROM scratch', 'ADD a.tar.bz2 /']),
      context: () => build(host, { context: { kind: 'stream', bytes: flow(archive) } }),
      import: () => importImage(host, { from: { bytes: flow(archive) } }),
      add: () => buildHere('x', ['FROM scratch', `ADD ${address} /`]),
      remote: () => importImage(host, { from: { url: address } }),
      load: () => load(host, { from: { bytes: flow(tarOf({ 'manifest.json': '[]', x: manyBytes(300_000) })) } }),
    }
    for (const [what, work] of Object.entries(works)) {
      await expect(work(), what).rejects.toMatchObject(full)
      expect(leftovers(store.home), what).toEqual([])
    }
  },
)
