import { expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { openTare } from '../../verbs/library.ts'

test.skipIf(!hasRegistry)('distribution mounts the layers of a base that was never here', async () => {
  const registry = await startRegistry()
  try {
    const context = writeFiles(temporaryFolder(), { app: 'app', tool: 'tool' })
    const build = async (lines: readonly string[], tag: string) => {
      const tare = await openTare({ home: temporaryFolder(), environment: {} })
      await tare.build({
        context: { kind: 'directory', path: context },
        dockerfile: { text: lines.join('\n') },
        tags: [tag],
      })
      return tare.registry.push({ name: tag })
    }
    const base = await build(['FROM scratch', 'COPY tool /bin/tool'], `${registry.host}/base:1`)
    const lines = [`FROM ${registry.host}/base:1`, 'COPY --link app /app']
    const { layers } = await build(lines, `${registry.host}/team/app:1`)
    expect(layers.map(({ how }) => how)).toEqual(['mounted', 'uploaded'])
    expect(layers[0]!.digest).toBe(base.layers[0]!.digest)
    const other = await openTare({ home: temporaryFolder(), environment: {} })
    await other.registry.pull({ name: `${registry.host}/team/app:1` })
    expect((await other.images.inspect(`${registry.host}/team/app:1`)).RootFS.Layers).toEqual(
      layers.map(({ diffId }) => diffId),
    )
  } finally {
    await registry.stop()
  }
})
