import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { engineThat, writeBlob } from '../../../../test/kit/buildkit-front.ts'
import { noise, temporaryFolder, writeFiles } from '../../../../test/kit/cli.ts'
import { openTare } from '../../../index.ts'
import { sha256 } from '../../../support/index.ts'

// Images that engines export blob by blob.

/** A layer with one file. */
function layerOf(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(512)
  head.write(name)
  head.write('0000644\x000000000\x000000000\0', 100)
  head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  head.write('00000000000\0        0ustar\x0000', 136)
  const sum = head.reduce((all, byte) => all + byte, 0)
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([head, content, Buffer.alloc((512 - (content.length % 512)) % 512), Buffer.alloc(1024)])
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const blobOf = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: sha256(bytes), size: bytes.length })

/** An image of one layer. `changes` are made to its config. */
function imageOf(tar: Buffer, changes: object = {}) {
  const layer = gzipSync(tar)
  const config = json({
    ...{ os: 'linux', architecture: 'amd64', config: {} },
    rootfs: { type: 'layers', diff_ids: [sha256(tar)] },
    history: [{ created: '2026-01-02T03:04:05Z', created_by: 'layer 0' }],
    ...changes,
  })
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: blobOf('application/vnd.oci.image.config.v1+json', config),
    layers: [blobOf('application/vnd.oci.image.layer.v1.tar+gzip', layer)],
  })
  return { layer, config, manifest, response: { 'containerimage.digest': sha256(manifest) } }
}

async function openBuilds() {
  const folder = temporaryFolder()
  const path = writeFiles(join(folder, 'context'), { Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'a' })
  const tare = await openTare({ home: join(folder, 'home'), environment: {} })
  const build = (builder: string) => tare.build({ context: { kind: 'directory', path }, builder, tags: ['x'] })
  return { tare, build }
}

test('layers are taken once, and what is here is not taken again', async () => {
  const { build, tare } = await openBuilds()
  const tar = layerOf('a', noise(3_000_000))
  const { layer, config, manifest, response } = imageOf(tar)
  const wanted: boolean[][] = []
  for (let i = 0; i < 2; i++) {
    const engine = await engineThat(async (session) => {
      const all = []
      for (const bytes of [layer, config, manifest]) all.push(await writeBlob(session, 'export', sha256(bytes), bytes))
      wanted.push(all)
      return response
    })
    await build(engine)
  }
  expect(wanted).toEqual([
    [true, true, true],
    [false, true, true],
  ])
  const image = await tare.images.inspect('x')
  expect(JSON.stringify(image)).toContain(sha256(tar))
})

test('a layer that is none, or another one than it is said to be, is refused, and nothing is named', async () => {
  const tar = layerOf('a', noise(100_000))
  const good = imageOf(tar)
  const other = imageOf(tar, { rootfs: { type: 'layers', diff_ids: [sha256('another')] } })
  const none = imageOf(noise(5000))
  const longer = imageOf(tar, { rootfs: { type: 'layers', diff_ids: [sha256(tar), sha256(tar)] } })
  const cases: readonly [typeof good, readonly (keyof typeof good)[]][] = [
    [other, ['layer', 'config', 'manifest']],
    [none, ['layer', 'config', 'manifest']],
    [longer, ['layer', 'config', 'manifest']],
    [good, ['config', 'manifest']],
    [good, ['layer', 'manifest']],
    [good, ['layer', 'config']],
    [good, []],
  ]
  for (const [image, sent] of cases) {
    const { build, tare } = await openBuilds()
    const engine = await engineThat(async (session) => {
      for (const part of sent) {
        const bytes = image[part] as Buffer
        await writeBlob(session, 'export', sha256(bytes), bytes)
      }
      return image.response
    })
    await expect(build(engine)).rejects.toThrow()
    expect(await tare.images.list()).toEqual([])
  }
})

test('bytes that are not those of their digest are refused', async () => {
  const { build } = await openBuilds()
  const { layer, config } = imageOf(layerOf('a', noise(100_000)))
  const told: unknown[] = []
  const engine = await engineThat(async (session) => {
    for (const bytes of [layer, config])
      await writeBlob(session, 'export', sha256('other'), bytes).catch(({ message }) => told.push(message))
  })
  await expect(build(engine)).rejects.toThrow()
  expect(told).toEqual(Array(2).fill(expect.stringContaining('sent something else as sha256:')))
})

test('other stores of blobs are not offered', async () => {
  const { build } = await openBuilds()
  let told: unknown
  const engine = await engineThat(async (session) => {
    await writeBlob(session, 'local:/etc', sha256('x'), Buffer.from('x')).catch(({ message }) => {
      told = message
    })
  })
  await expect(build(engine)).rejects.toThrow()
  expect(told).toBe('no blobs are offered as "local:/etc"')
})
