import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as zlib from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { hasProgram, unlessMissing } from '../../../test/kit/needs.ts'
import type { Tare } from '../../api/index.ts'
import { openTare } from '../../verbs/library.ts'

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tare-push-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

async function built(tag: string): Promise<Tare> {
  const tare = await openTare({ home: folder(), environment: {} })
  const context = folder()
  writeFileSync(join(context, 'data'), Buffer.concat([randomBytes(3 << 20), Buffer.alloc(5 << 20, 'a line of text\n')]))
  const dockerfile = { text: 'FROM scratch\nCOPY data /\n' }
  await tare.build({ context: { kind: 'directory', path: context }, dockerfile, tags: [tag] })
  return tare
}

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
