import { spawnSync } from 'node:child_process'
import * as zlib from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder as folder } from '../../../test/kit/cli.ts'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { buildLarge as built } from '../../../test/kit/large-image.ts'
import { hasProgram, unlessMissing } from '../../../test/kit/needs.ts'

test.skipIf(!unlessMissing(hasRegistry && hasProgram('skopeo'), 'there is no docker-registry or skopeo'))(
  'distribution takes it, and skopeo finds every byte right',
  async () => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    for (const compression of ['gzip', 'zstd'] as const) {
      if (compression === 'zstd' && !hasProgram('zstd') && !('zstdCompress' in zlib)) continue
      const name = `${registry.host}/${compression}:1`
      const tare = await built(name)
      await tare.registry.push({ name, compression })
      const target = `oci:${folder()}:x`
      const copied = spawnSync('skopeo', [
        'copy',
        '--src-tls-verify=false',
        '--insecure-policy',
        `docker://${name}`,
        target,
      ])
      expect(copied.status, String(copied.stderr)).toBe(0)
    }
  },
)
