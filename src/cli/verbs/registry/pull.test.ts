import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry } from '../../../../test/kit/bad-registry.ts'
import { openQuickBench } from '../../../../test/kit/call-tare.ts'
import { tinyImage } from '../../../../test/kit/tiny-image.ts'
import { mediaTypes } from '../../../oci/index.ts'

test('a tag that is none takes one line, whatever the registry writes into it', async () => {
  const image = tinyImage()
  const registry = await BadRegistry.start({
    interfere: (request, response) => {
      if (!request.url!.includes('/tags/list')) return
      response.end(JSON.stringify({ tags: ['1', 'ok\nError: pulled nothing', '\u001b[2J', 'a\u202eb'] }))
      return true
    },
  })
  onTestFinished(() => registry.stop())
  for (const { bytes } of image.blobs) registry.addBlob(bytes)
  for (const name of ['1', image.manifest.descriptor.digest])
    registry.manifests.set(name, { type: mediaTypes.manifest, bytes: image.manifest.bytes })
  const { tare } = openQuickBench()
  const { code, out, err } = await tare(['pull', '-a', `${registry.host}/app`])
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining(`${registry.host}/app:1\n`) })
  const lines = err.trim().split('\n')
  expect(lines).toHaveLength(3)
  for (const line of lines) expect(line).toMatch(/^127\.0\.0\.1:\d+\/app:[\x20-\x7e]* was left out: /)
})
