import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import type { Tare } from '../../api/index.ts'
import { goJson } from '../../oci/index.ts'
import { openTare } from '../library.ts'

function open(): Promise<Tare> {
  const home = mkdtempSync(join(tmpdir(), 'tare-index-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  return openTare({ home, environment: {} })
}

describe.runIf(hasRegistry)('with distribution 2.8', () => {
  test('images of other repositories, of the store and of a layout make an index that is pulled', async () => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    const { host } = registry
    const tare = await open()
    const context = { kind: 'empty' } as const
    const text = 'FROM scratch\nCOPY <<f /\nx\nf\n'
    for (const [tag, platform] of [
      [`${host}/one:1`, 'linux/amd64'],
      ['local:1', 'linux/arm64'],
      ['laid:1', 'linux/arm/v7'],
    ] as const)
      await tare.build({ context, dockerfile: { text }, tags: [tag], platforms: [platform] })
    await tare.registry.push({ name: `${host}/one:1` })
    const layout = `oci:${join(tare.home, '..', `${goJson(process.pid)}-layout`)}`
    onTestFinished(() => rmSync(layout.slice(4), { recursive: true, force: true }))
    await tare.registry.copy({ from: 'store:laid:1', to: layout })
    const name = `${host}/two/app:1`
    await tare.index.create({ name, images: [`${host}/one:1`, 'store:local:1', layout] })
    const other = await open()
    await other.registry.pull({ name, allPlatforms: true })
    for (const platform of ['linux/amd64', 'linux/arm64', 'linux/arm/v7'])
      expect((await other.registry.pull({ name, platform })).id, platform).toMatch(/^sha256:/)
  })
})
