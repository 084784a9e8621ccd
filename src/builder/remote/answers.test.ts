import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { engineThat, receiveFiles, writeBlob } from '../../../test/kit/buildkit-front.ts'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { githubStandIn } from '../../../test/kit/github-cache.ts'
import { layerWith } from '../../../test/kit/hostile-layer.ts'
import { openTare, type TareEvent } from '../../index.ts'
import { serveGrpc } from '../../net/grpc/index.ts'
import { sha256 } from '../../support/index.ts'

// What engines send that they should not, and what they are told.

async function openBuilds(environment: Readonly<Record<string, string>> = {}) {
  const folder = temporaryFolder()
  const path = writeFiles(join(folder, 'context'), { Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'a' })
  const tare = await openTare({ home: join(folder, 'home'), environment })
  const events: TareEvent[] = []
  const build = (builder: string, more: object = {}) =>
    tare.build({
      ...{ context: { kind: 'directory', path }, builder, tags: ['x'], environment },
      report: (event: TareEvent) => events.push(event),
      ...more,
    })
  return { folder, tare, build, events }
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const blobOf = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: sha256(bytes), size: bytes.length })

/** An engine whose image has this layer. */
function engineWith(tar: Buffer, architecture = 'amd64'): Promise<string> {
  const layer = gzipSync(tar)
  const config = json({
    ...{ os: 'linux', architecture: 'amd64', config: {} },
    rootfs: { type: 'layers', diff_ids: [sha256(tar)] },
    history: [{ created: '2026-01-02T03:04:05Z', created_by: 'layer 0' }],
  })
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: blobOf('application/vnd.oci.image.config.v1+json', config),
    layers: [blobOf('application/vnd.oci.image.layer.v1.tar+gzip', layer)],
  })
  return engineThat(async (session) => {
    for (const bytes of [layer, config, manifest]) await writeBlob(session, 'export', sha256(bytes), bytes)
    return { 'containerimage.digest': sha256(manifest) }
  }, architecture)
}

test.each([
  [
    'a link out of the folder, and a file through it',
    [
      ['out', '../../outside'],
      ['out/file', Buffer.from('x')],
    ],
  ],
  [
    'an absolute link, and a file through it',
    [
      ['out', '/OUTSIDE'],
      ['out/file', Buffer.from('x')],
    ],
  ],
  ['a path out of the folder', [['../outside/file', Buffer.from('x')]]],
] as const)('%s, in what an engine answers, writes nothing outside of -o local', async (_, entries) => {
  const { folder, build } = await openBuilds()
  const outside = join(folder, 'outside')
  mkdirSync(outside)
  const named = entries.map(([name, what]) => [name, what === '/OUTSIDE' ? outside : what] as const)
  const out = join(folder, 'a/b')
  mkdirSync(join(folder, 'a'))
  const builder = await engineWith(layerWith(named))
  await build(builder, { outputs: [{ kind: 'local', path: out }], tags: [] }).catch(() => {})
  expect(readdirSync(outside)).toEqual([])
  expect(existsSync(join(folder, 'a/outside'))).toBe(false)
})

test('an engine that asks for files that were not offered ends the build at once, and sees none', async () => {
  const { build } = await openBuilds()
  const seen: (readonly string[])[] = []
  const builder = await engineThat(async (session) => {
    for (const name of ['../../etc', 'context/../..', 'dockerfile'])
      await receiveFiles(session, name).then(
        ({ entries }) => seen.push(entries),
        () => {},
      )
    // It goes on as if nothing had happened, and is not waited for.
    await new Promise(() => {})
  })
  await expect(build(builder)).rejects.toMatchObject({
    code: 'ENGINE_INVALID',
    message: expect.stringContaining('asks for files that were not offered'),
  })
  expect(seen).toEqual([])
})

test('a message over 16 MiB ends the build', async () => {
  const path = join(temporaryFolder(), 'engine.sock')
  const server = createServer((socket) => {
    serveGrpc(socket, [
      {
        path: '/moby.buildkit.v1.Control/ListWorkers',
        serve: async (stream) => {
          stream.write(Buffer.from([0, 2, 0, 0, 0]))
          await new Promise(() => {})
        },
      },
    ])
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => void server.close())
  const { build } = await openBuilds()
  await expect(build(`unix://${path}`)).rejects.toMatchObject({
    code: 'ENGINE_INVALID',
    message: expect.stringContaining('a message of 33554432 bytes'),
  })
})

test('GitHub’s cache reaches an engine with its address and its token', async () => {
  const { environment } = await githubStandIn()
  const { build } = await openBuilds(environment)
  let asked: unknown
  const builder = await engineThat(async (_, { cache }) => {
    asked = cache
  })
  const scope = { type: 'gha', scope: 'mine' }
  await build(builder, { cacheFrom: [scope], cacheTo: [{ ...scope, mode: 'max' }] }).catch(() => {})
  const attrs = {
    ...{ scope: 'mine', token: environment['ACTIONS_RUNTIME_TOKEN'], url_v2: environment['ACTIONS_RESULTS_URL'] },
    version: '2',
  }
  expect(asked).toMatchObject({
    imports: [{ type: 'gha', attrs }],
    exports: [{ type: 'gha', attrs: { ...attrs, mode: 'max' } }],
  })
})

test('provenance names the platform of the engine that executed the steps', async () => {
  const { folder, build } = await openBuilds()
  const platformIn = async (builder: string, more: object = {}) => {
    const out = join(folder, `out-${Math.random()}`)
    await build(builder, { outputs: [{ kind: 'local', path: out }], tags: [], provenance: true, ...more })
    const text = readFileSync(join(out, 'provenance.json'), 'utf8')
    return /"builderPlatform": ?"([^"]+)"/.exec(text)?.[1]
  }
  const engine = () => engineWith(layerWith([['a', Buffer.from('a')]]), 'riscv64')
  expect(await platformIn(await engine())).toBe('linux/riscv64')
  expect(await platformIn(`linux/amd64=${await engine()}`, { platforms: ['linux/amd64'] })).toBe('linux/riscv64')
  expect(await platformIn('default')).not.toBe('linux/riscv64')
  // Nothing was executed there.
  const dockerfile = { text: 'FROM scratch\nCMD ["x"]\n' }
  expect(await platformIn(await engine(), { dockerfile })).not.toBe('linux/riscv64')
})
