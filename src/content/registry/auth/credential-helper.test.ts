import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BadRegistry } from '../../../../test/kit/bad-registry.ts'
import { openQuickBench } from '../../../../test/kit/call-tare.ts'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import { tinyImage } from '../../../../test/kit/tiny-image.ts'
import { mediaTypes } from '../../../oci/index.ts'
import { askHelper } from './credential-helper.ts'

const image = tinyImage()
const good = '{"Username":"ada","Secret":"secret"}'

/** A registry in which everybody may read `open`, with a token; and a command line whose helper does as the script says. */
async function setScene(script: string | undefined, auth: 'basic' | 'bearer' = 'bearer') {
  const registry = await BadRegistry.start({
    auth,
    interfere: (request, response, { tokens }) => {
      if (!request.url!.startsWith('/token') || request.headers.authorization !== undefined) return
      if (!/repository%3Aopen%3Apull(&|$)/.test(request.url!)) return
      tokens.add('for-anybody')
      response.end('{"token":"for-anybody"}')
      return true
    },
  })
  onTestFinished(() => registry.stop())
  for (const { bytes } of image.blobs) registry.addBlob(bytes)
  for (const name of ['1', image.manifest.descriptor.digest])
    registry.manifests.set(name, { type: mediaTypes.manifest, bytes: image.manifest.bytes })
  const bench = openQuickBench()
  const folder = join(bench.folder, 'docker')
  const bin = join(bench.folder, 'bin')
  for (const made of [folder, bin]) mkdirSync(made)
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ credHelpers: { [registry.host]: 'x' } }))
  if (script !== undefined) writeFileSync(join(bin, 'docker-credential-x'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  const env = { DOCKER_CONFIG: folder, PATH: `${bin}:${process.env['PATH']}` }
  return { registry, tare: (...argv: string[]) => bench.tare(argv, { env }) }
}

describe('a helper that does as it should', () => {
  for (const [how, script] of Object.entries({
    'with more in its JSON': `cat >/dev/null; echo; echo '{"ServerURL":"x","Username":"ada","Secret":"secret","Expires":5}'`,
    'with a warning on stderr': `cat >/dev/null; echo WARNING >&2; echo '${good}'`,
    'without reading what it is asked': `echo '${good}'`,
  }))
    test(`is believed (${how})`, async () => {
      const { registry, tare } = await setScene(script)
      const { code, err } = await tare('pull', `${registry.host}/private:1`)
      expect([code, err]).toEqual([0, ''])
    })

  for (const words of [
    'credentials not found in native keychain',
    'no credentials server URL',
    'credentials not found',
  ])
    test(`may know nothing, and nobody hears of it ("${words}")`, async () => {
      const { registry, tare } = await setScene(`echo '${words}'; exit 1`)
      const { code, err } = await tare('pull', `${registry.host}/open:1`)
      expect([code, err]).toEqual([0, ''])
    })
})

for (const [how, script] of Object.entries({
  'is missing': undefined,
  fails: 'echo "token has been revoked" >&2; exit 1',
  'fails with words of its own on stdout': 'echo "error getting credentials"; exit 3',
  'prints rubbish': 'echo "please log in: s3cr3t-rubbish"',
  'prints JSON of another kind': `echo '["s3cr3t-rubbish"]'; echo '{}'`,
  'prints a secret that is no text': `echo '{"Username":"ada","Secret":{"a":"s3cr3t-rubbish"}}'`,
  'is killed': 'kill -9 $$',
}))
  describe(`a helper that ${how}`, () => {
    test('does not keep anybody from what everybody may read, and is named once', async () => {
      const { registry, tare } = await setScene(script)
      const { code, err } = await tare('pull', `${registry.host}/open:1`)
      expect(code).toBe(0)
      expect(err.match(/WARNING: .*docker-credential-x/g)).toHaveLength(1)
      expect(err).not.toContain('s3cr3t-rubbish')
    })

    test('is named again where access is denied', async () => {
      const { registry, tare } = await setScene(script)
      for (const auth of ['bearer', 'basic'] as const) {
        const scene = auth === 'bearer' ? { registry, tare } : await setScene(script, auth)
        const { code, err } = await scene.tare('pull', `${scene.registry.host}/private:1`)
        expect(code).toBe(1)
        expect(err.replace(/WARNING.*\n/g, '')).toContain('docker-credential-x')
        expect(err).not.toContain('s3cr3t-rubbish')
      }
    })

    test('ends what needs a login', async () => {
      const { registry, tare } = await setScene(script)
      await tare('pull', `${registry.host}/open:1`)
      await tare('tag', `${registry.host}/open:1`, `${registry.host}/mine:1`)
      const { code, err } = await tare('push', `${registry.host}/mine:1`)
      expect(code).toBe(1)
      expect(err).toContain('docker-credential-x')
      expect(registry.countOf('PUT')).toBe(0)
    })
  })

test('a helper that hangs, and whose children hold its pipes open, is given up', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'docker-credential-x'), '#!/bin/sh\nsleep 300\n', { mode: 0o755 })
  const environment = { PATH: `${folder}:${process.env['PATH']}` }
  await expect(askHelper('x', 'example.com', environment, 200)).rejects.toMatchObject({
    code: 'CREDENTIALS_INVALID',
    message: expect.stringContaining('docker-credential-x has not responded'),
  })
})

test('a warning of a helper is JSON where all else is', async () => {
  const { registry, tare } = await setScene(undefined)
  const dockerfile = join(temporaryFolder(), 'Dockerfile')
  writeFileSync(dockerfile, `FROM ${registry.host}/open:1\nLABEL a=b\n`)
  const { err } = await tare('build', '--progress=rawjson', '-f', dockerfile, temporaryFolder())
  const events = err
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(events).toContainEqual({
    ...{ type: 'warning', rule: 'RegistryConfig' },
    message: expect.stringContaining('docker-credential-x'),
  })
})
