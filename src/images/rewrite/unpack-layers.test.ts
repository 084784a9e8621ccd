import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { startBad } from '../../../test/kit/bad-registry-client.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import { placeImage, temporaryFolder } from '../../../test/kit/registry-images.ts'
import { tinyTar } from '../../../test/kit/tiny-image.ts'
import { hexOf, mediaTypes } from '../../oci/index.ts'
import { sha256 } from '../../support/index.ts'
import { openTare } from '../../verbs/library.ts'

test.runIf(hasProgram('zstd'))(
  'layers in zstd are plain tars in a docker archive, and stay as they are elsewhere',
  async () => {
    const registry = await startBad()
    const tars = [tinyTar('f', 'first'), tinyTar('g', 'second')]
    const compressed = [spawnSync('zstd', ['-q', '-c'], { input: tars[0] }).stdout, gzipSync(tars[1]!)]
    const layers = compressed.map((bytes, i) => ({
      ...{ mediaType: i === 0 ? mediaTypes.layerZstd : mediaTypes.layerGzip, digest: registry.addBlob(bytes) },
      size: bytes.length,
    }))
    const rootfs = { type: 'layers', diff_ids: tars.map((tar) => sha256(tar)) }
    const { digest, id } = placeImage(registry, { config: { rootfs }, manifest: { layers } }, '1')
    const from = `${registry.host}/app:1`
    const folder = temporaryFolder()
    const tare = await openTare({ home: join(folder, 'store'), environment: {} })
    const file = join(folder, 'a.tar')
    const result = await tare.registry.copy({ from, to: `docker-archive:${file}:app:1` })
    expect(result).toMatchObject({ previousDigest: digest })
    const names = spawnSync('tar', ['-tf', file], { encoding: 'utf8' }).stdout
    expect(names).toContain(hexOf(rootfs.diff_ids[0]!))
    expect(names).toContain(hexOf(layers[1]!.digest))
    expect(names).not.toContain(hexOf(layers[0]!.digest))
    expect(await tare.images.load({ from: { path: file } })).toEqual([{ id, names: ['app:1'] }])
    await expect(
      tare.registry.copy({ from, to: `docker-archive:${file}`, preserveDigests: true }),
    ).rejects.toMatchObject({
      code: 'DIGEST_CHANGES',
    })
    expect(await tare.registry.copy({ from, to: `docker-archive:${file}`, format: 'docker' })).toMatchObject({
      previousDigest: digest,
    })
    expect(await tare.registry.copy({ from, to: `oci-archive:${file}`, preserveDigests: true })).toMatchObject({
      digest,
    })
    // What the config does not confirm is not written.
    placeImage(
      registry,
      { config: { rootfs: { ...rootfs, diff_ids: [sha256('x'), sha256('y')] } }, manifest: { layers } },
      '2',
    )
    const wrong = tare.registry.copy({ from: `${registry.host}/app:2`, to: `docker-archive:${folder}/wrong.tar` })
    await expect(wrong).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
    expect(existsSync(join(folder, 'wrong.tar'))).toBe(false)
  },
)
