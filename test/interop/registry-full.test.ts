import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { noise, openBench } from '../kit/cli.ts'
import { hasRegistry, startRegistry } from '../kit/docker-registry.ts'
import { canMount, mountOn } from '../kit/needs.ts'

test.skipIf(!hasRegistry || !canMount())(
  'a registry whose disk is full is told as that, and names nothing new',
  async () => {
    const dockerfiles = { small: 'FROM scratch\nLABEL a=b\n', Dockerfile: 'FROM scratch\nCOPY f /\n' }
    const { tare, succeed, folder } = openBench({ ...dockerfiles, f: noise(3_000_000) })
    const data = join(folder, 'disk')
    mkdirSync(data)
    mountOn(data, '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs')
    const registry = await startRegistry('', '', data)
    onTestFinished(() => registry.stop())
    const name = `${registry.host}/app:1`
    await succeed(['build', '-q', '-f', 'context/small', '--push', '-t', name, 'context'])
    const before = await succeed(['image', 'digest', name])
    const cache = `type=registry,ref=${registry.host}/cache:1,mode=max`
    const lines = [
      ['--push', '-t', name],
      ['--push', '-t', name, '--sbom=true', '--provenance=true'],
      ['-o', 'type=registry,attestation-inline=true', '-t', name, '--sbom=true'],
      ['-t', 'local', '--cache-to', cache],
    ]
    for (const line of lines) {
      const { code, err } = await tare(['build', ...line, 'context'])
      expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('The disk of the registry is full') })
      expect(err).toContain('no space left on device')
    }
    expect(await succeed(['image', 'digest', name])).toBe(before)
    expect((await tare(['image', 'digest', `${registry.host}/cache:1`])).code).toBe(1)
    // The image is out; only its cache is not.
    expect(await succeed(['image', 'ls', '-q', 'local'])).toMatch(/^[0-9a-f]{12}\n$/)
    const ignored = await tare(['build', '-t', 'local', '--cache-to', `${cache},ignore-error=true`, 'context'])
    expect(ignored).toMatchObject({ code: 0, err: expect.stringContaining('CacheNotExported') })
  },
)
