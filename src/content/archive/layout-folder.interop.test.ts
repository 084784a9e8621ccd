import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hasProgram } from '../../../test/kit/needs.ts'
import { type TinyImage, tinyImage } from '../../../test/kit/tiny-image.ts'
import { openLayout } from './layout-folder.ts'
import { openArchive } from './open-archive.ts'
import type { LayoutWriter } from './types.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tare-layout-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function put(layout: LayoutWriter, image: TinyImage): Promise<void> {
  for (const blob of image.blobs) await layout.put(blob.descriptor, blob.open)
}

test.runIf(hasProgram('skopeo'))('skopeo reads what was written, and writes beside it', async () => {
  const image = tinyImage()
  const path = join(folder, 'l')
  const layout = await openLayout(path)
  await put(layout, image)
  await layout.label('v1', image.manifest.descriptor)
  const copied = spawnSync('skopeo', ['--insecure-policy', 'copy', `oci:${path}:v1`, `oci:${path}:v2`])
  expect(copied.status, String(copied.stderr)).toBe(0)
  await layout.label('v3', image.manifest.descriptor)
  const archive = await openArchive(path, { scratch: folder })
  expect((await archive.roots()).flatMap(({ labels }) => labels).sort()).toEqual(['v1', 'v2', 'v3'])
})
