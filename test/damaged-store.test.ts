import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startBad } from './kit/bad-registry-client.ts'
import { openQuickBench } from './kit/call-tare.ts'
import { faultsOf } from './kit/check-store.ts'
import { isRoot, noise } from './kit/cli.ts'
import { refused } from './kit/refused.ts'

// A store that somebody or a failing disk has damaged: what is broken is named, the rest works, and it can be healed.

const small = { Dockerfile: 'FROM scratch\nCOPY data /\n', data: 'data' }

describe('a store that was damaged', () => {
  async function openBuilt(data: string | Buffer = 'data') {
    const bench = openQuickBench({
      ...small,
      data,
      label: 'FROM x\nLABEL a=b\n',
      child: 'FROM x\nCOPY data /again\n',
      from: 'FROM scratch\nCOPY --from=x /data /\n',
    })
    const id = (await bench.succeed(['build', '-q', '-t', 'x', 'context'])).trim()
    const manifest = JSON.parse(readFileSync(join(bench.home, 'index.json'), 'utf8')).manifests[0].digest as string
    const path = (digest: string) => join(bench.home, 'blobs', digest.replace(':', '/'))
    const { layers } = JSON.parse(readFileSync(path(manifest), 'utf8')) as { layers: { digest: string }[] }
    return { ...bench, id, manifest: path(manifest), config: path(id), layer: path(layers[0]!.digest) }
  }

  const zeros = (path: string) => {
    const { size } = statSync(path)
    truncateSync(path, 0)
    truncateSync(path, size)
  }
  const damages = [
    ['missing', rmSync],
    ['cut short', (path: string) => truncateSync(path, 600)],
    ['zeros of the right size', zeros],
  ] as const

  test.each(damages)('a layer that is %s is named, and whoever writes it replaces it', async (_, damage) => {
    for (const content of ['data', noise(200_000)]) {
      const bench = await openBuilt(content)
      await bench.succeed(['save', '-o', 'before.tar', 'x'])
      await bench.succeed(['save', '--format', 'oci', '-o', 'oci.tar', 'x'])
      const healed = async () => {
        expect(await faultsOf(bench.home)).toEqual([])
        await bench.succeed(['save', '-o', 'x.tar', 'x'])
        damage(bench.layer)
      }
      damage(bench.layer)
      for (const argv of [
        ['save', '-o', 'y.tar', 'x'],
        ['copy', 'store:x', 'oci:layout'],
        ['build', '--progress=none', '-t', 'y', '-f', 'context/from', 'context'],
        ['build', '--progress=none', '--no-cache', '-t', 'y', '-f', 'context/from', 'context'],
        ['build', '--progress=none', '-t', 'y', '-f', 'context/child', 'context'],
        ['build', '--progress=none', '-t', 'y', '-f', 'context/label', 'context'],
      ])
        await refused(bench, argv, /sha256:[0-9a-f]{64}/)
      if (isRoot)
        expect(await bench.tare(['run', 'x', '/data'])).toMatchObject({
          code: 125,
          err: expect.stringContaining('layer sha256'),
        })
      expect(existsSync(join(bench.folder, 'y.tar'))).toBe(false)
      expect(await bench.succeed(['images', '-q', 'y'])).toBe('')
      await bench.succeed(['build', '-q', '-t', 'x', 'context'])
      await healed()
      await bench.succeed(['load', '-i', 'before.tar'])
      await healed()
      await bench.succeed(['load', '-i', 'oci.tar'])
      await healed()
      await bench.succeed(['copy', 'docker-archive:before.tar', 'store:x'])
      await healed()
    }
  })

  test.each(damages)('a layer that is %s is not pushed, and a pull replaces it', async (_, damage) => {
    const registry = await startBad()
    const bench = await openBuilt(noise(200_000))
    const name = `${registry.host}/x:1`
    await bench.succeed(['tag', 'x', name])
    await bench.succeed(['push', '-q', name])
    damage(bench.layer)
    await refused(bench, ['push', '-q', '--compression', 'zstd', name], /sha256:[0-9a-f]{64}/)
    await bench.succeed(['pull', '-q', name])
    expect(await faultsOf(bench.home)).toEqual([])
    damage(bench.layer)
    // Nothing is known to have it in that form.
    await refused(bench, ['push', '-q', '--compression', 'zstd', name], /sha256:[0-9a-f]{64}/)
  })

  test('a manifest or config that is missing or damaged is named, and the others are there', async () => {
    for (const which of ['manifest', 'config'] as const)
      for (const damage of [rmSync, (path: string) => writeFileSync(path, '{}')]) {
        const bench = await openBuilt()
        await bench.succeed(['build', '-q', '-t', 'other', '--label', 'a=b', 'context'])
        damage(bench[which])
        expect(await bench.succeed(['images', '--format', '{{.Repository}}'])).toContain('other\n')
        await refused(bench, ['save', '-o', 'x.tar', 'x'], /x|sha256/)
        await bench.succeed(['save', '-o', 'other.tar', 'other'])
        // What it cannot read might need anything: then prune takes nothing.
        const { code, err } = await bench.tare(['image', 'prune', '-f'])
        if (code !== 0)
          expect(err).toMatch(
            /blob sha256:\w+ in the store is damaged\n.*build the image again, or remove .*\/sha256\/\w+/,
          )
        await bench.succeed(['save', '-o', 'other.tar', 'other'])
        await bench.succeed(['build', '-q', '--no-cache', '-t', 'x', 'context'])
        await bench.succeed(['save', '-o', 'x.tar', 'x'])
      }
  })

  test('documents that are damaged are written anew by a build that makes the same', async () => {
    const bench = openQuickBench(small)
    const build = () => bench.succeed(['build', '-q', '-t', 'x', 'context'], { env: { SOURCE_DATE_EPOCH: '1' } })
    const id = await build()
    writeFileSync(join(bench.home, 'blobs', id.trim().replace(':', '/')), '{}')
    expect(await build()).toBe(id)
    expect(await faultsOf(bench.home)).toEqual([])
  })

  test('an index.json that is empty or cut is recovered from the last good one, which is said', async () => {
    for (const length of [0, 1, 100, -1]) {
      const bench = await openBuilt()
      await bench.succeed(['tag', 'x', 'y'])
      const index = join(bench.home, 'index.json')
      truncateSync(index, length < 0 ? statSync(index).size + length : length)
      if (length === 100) zeros(index)
      const { code, out, err } = await bench.tare(['images', '--format', '{{.Repository}}'])
      expect({ code, out: out.split('\n').sort() }).toEqual({ code: 0, out: ['', 'x', 'y'] })
      expect(err).toMatch(
        /^WARNING: .*index\.json is empty or truncated; image names were restored from its last good copy/,
      )
      // Looking mends nothing: somebody may just be writing.
      await bench.tare(['rmi', 'y'])
      const after = await bench.tare(['images', '--format', '{{.Repository}}'])
      expect(after).toMatchObject({ code: 0, out: 'x\n', err: '' })
      expect(await faultsOf(bench.home)).toEqual([])
    }
  })

  test('an index.json that is of another kind, or has no copy, is named and never written over', async () => {
    for (const text of ['', '{', '[]', '{"schemaVersion":2,"manifests":[{"digest":"x"}]}', 'null']) {
      const bench = await openBuilt()
      const index = join(bench.home, 'index.json')
      writeFileSync(index, text)
      if (text.length < 2) writeFileSync(join(bench.home, 'tare/index.json'), text)
      for (const argv of [
        ['images'],
        ['build', '--progress=none', '-t', 'y', 'context'],
        ['rmi', 'x'],
        ['image', 'prune', '-f'],
      ])
        await refused(bench, argv, /index\.json is damaged/)
      expect(readFileSync(index, 'utf8')).toBe(text)
      expect(existsSync(bench.layer)).toBe(true)
    }
  })

  test('what builds remember may be lost or nonsense', async () => {
    const bench = await openBuilt()
    // Files that might still change without a sign of it are remembered by a later build only.
    await expect
      .poll(async () => {
        await bench.succeed(['build', '-q', '-t', 'x', 'context'])
        return existsSync(join(bench.home, 'tare/contexts'))
      })
      .toBe(true)
    for (const nonsense of ['', '{', 'null', '{"format":1}', '[1]']) {
      for (const kind of ['layers', 'steps', 'latest', 'contexts'])
        for (const name of readdirSync(join(bench.home, 'tare', kind)))
          writeFileSync(join(bench.home, 'tare', kind, name), nonsense)
      await bench.succeed(['build', '-q', '-t', 'y', 'context'])
      await bench.succeed(['build', '-q', '-f', 'context/from', 'context'])
      await bench.succeed(['history', 'x'])
      await bench.succeed(['system', 'df'])
      await bench.succeed(['builder', 'prune', '-f'])
    }
    expect(await faultsOf(bench.home)).toEqual([])
  })
})
