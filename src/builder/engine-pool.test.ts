import { join } from 'node:path'
import { expect, test } from 'vitest'
import { engineThat, receiveFiles } from '../../test/kit/buildkit-front.ts'
import { temporaryFolder, writeFiles } from '../../test/kit/cli.ts'
import { relayTo } from '../../test/kit/relay.ts'
import { type BuildOptions, openTare, type TareEvent } from '../index.ts'

// Which engine makes which platform, and what happens if it does not.

interface Built {
  readonly platforms: readonly string[]
  /** Who makes what: `linux/amd64 on this machine`. */
  readonly said: readonly string[]
  readonly warnings: readonly string[]
  /** Set if the build failed. */
  readonly error?: { readonly code: string; readonly message: string }
}

interface Setting {
  readonly platforms?: readonly string[]
  readonly text?: string
  /** Addresses of docker contexts by name. */
  readonly contexts?: Readonly<Record<string, string>>
  readonly more?: Partial<BuildOptions>
}

async function build(builder: string, { platforms, text, contexts = {}, more }: Setting = {}): Promise<Built> {
  const folder = temporaryFolder()
  const path = writeFiles(join(folder, 'context'), { Dockerfile: text ?? 'FROM scratch\nCOPY a /\n', a: 'a' })
  const { createHash } = await import('node:crypto')
  for (const [name, Host] of Object.entries(contexts))
    writeFiles(join(folder, 'docker/contexts/meta', createHash('sha256').update(name).digest('hex')), {
      'meta.json': JSON.stringify({ Name: name, Endpoints: { docker: { Host } } }),
    })
  const tare = await openTare({ home: join(folder, 'home'), environment: { DOCKER_CONFIG: join(folder, 'docker') } })
  const events: TareEvent[] = []
  const report = (event: TareEvent) => void events.push(event)
  const error = await tare
    .build({ context: { kind: 'directory', path }, builder, platforms, tags: ['made'], report, ...more })
    .then(
      () => undefined,
      (thrown) => thrown,
    )
  const images = error === undefined ? [await tare.images.inspect('made')] : []
  return {
    platforms: images.map(({ Os, Architecture }) => `${Os}/${Architecture}`),
    said: events.flatMap((event) =>
      event.type === 'step-started' && / on /.test(event.title)
        ? [event.title.replace(/^\[internal\] build /, '')]
        : [],
    ),
    warnings: events.flatMap((event) =>
      event.type === 'warning' && event.rule === 'EngineLeftOut' ? [event.message] : [],
    ),
    error,
  }
}

const gone = () => `unix://${join(temporaryFolder(), 'none.sock')}`

/** The address of an engine that is gone as soon as it has seen the context. */
async function dying(): Promise<string> {
  let cut = () => {}
  const engine = await engineThat(async (session) => {
    await receiveFiles(session, 'context')
    cut()
    await new Promise(() => {})
  })
  const relay = await relayTo(engine)
  cut = () => relay.close()
  return relay.address
}

test('engines that do not answer are left out, and this machine builds at last', async () => {
  const [one, two] = [gone(), gone()]
  const { platforms, said, warnings, error } = await build(`linux/amd64=${one},linux/amd64=${two}`, {
    platforms: ['linux/amd64'],
  })
  expect(error).toBeUndefined()
  expect(platforms).toEqual(['linux/amd64'])
  expect(said).toEqual(['linux/amd64 on this machine'])
  for (const address of [one, two])
    expect(warnings).toContainEqual(
      `${address} is left out of this build: cannot reach the engine ${address}: there is no such socket`,
    )
})

test('an engine that is gone in mid-build is left out, and its platform is built elsewhere', async () => {
  const engine = await dying()
  const { said, warnings, error } = await build(`linux/arm64=${engine},linux/amd64=local`, {
    platforms: ['linux/arm64', 'linux/amd64'],
  })
  expect(error).toBeUndefined()
  expect(said).toContain(`linux/arm64 on ${engine}`)
  expect(said).toContain('linux/arm64 on this machine')
  expect(warnings).toEqual([expect.stringContaining(`${engine} is left out`)])
})

test('the last engine for a platform that this machine cannot build is an error', async () => {
  const { error } = await build(`linux/s390x=${gone()}`, {
    platforms: ['linux/s390x'],
    text: 'FROM scratch\nCOPY a /\nRUN ["/a"]\n',
  })
  expect(error).toMatchObject({
    code: 'ENGINE_NONE',
    message: expect.stringMatching(/there is no such socket.*this machine: .*s390x/),
  })
  const lost = await build(`linux/s390x=${await dying()}`, {
    platforms: ['linux/s390x'],
    text: 'FROM scratch\nCOPY a /\nRUN ["/a"]\n',
  })
  expect(lost.error).toMatchObject({ code: 'ENGINE_LOST' })
})

test('a build that fails on an engine is not tried elsewhere', async () => {
  const engine = await engineThat(async () => {
    throw new Error('no space left on device')
  })
  const { error, warnings, said } = await build(`linux/amd64=${engine},linux/amd64=local`)
  expect(error).toMatchObject({ code: 'ENGINE_FAILED', message: expect.stringContaining('no space left') })
  expect(warnings).toEqual([])
  expect(said).toHaveLength(1)
})

test('one failure ends the builds of other platforms', async () => {
  const hanging = await engineThat(() => new Promise(() => {}))
  const failing = await engineThat(async () => {
    throw new Error('broken')
  })
  const { error } = await build(`linux/amd64=${hanging},linux/arm64=${failing}`, {
    platforms: ['linux/amd64', 'linux/arm64'],
  })
  expect(error).toMatchObject({ code: 'ENGINE_FAILED', message: expect.stringContaining('broken') })
})

test('a platform that nobody is named for is built here', async () => {
  const { said } = await build(`linux/arm64=${gone()}`, { platforms: ['linux/amd64'] })
  expect(said).toEqual(['linux/amd64 on this machine'])
})

test('auto builds here what can be built here, and asks no engine', async () => {
  const relay = await relayTo(await engineThat(async () => {}))
  const { said, error } = await build('auto', {
    platforms: ['linux/s390x'],
    contexts: { far: relay.address },
  })
  expect(error).toBeUndefined()
  expect(said).toEqual(['linux/s390x on this machine'])
  expect(relay.count()).toBe(0)
})

test('auto takes the first configured engine that runs the programs', async () => {
  const seen: string[] = []
  const engine = (name: string, architecture: string) =>
    engineThat(async (session) => {
      seen.push(name)
      await receiveFiles(session, 'context')
      throw new Error('enough')
    }, architecture)
  const setting = {
    platforms: ['linux/s390x'],
    text: 'FROM scratch\nCOPY a /\nRUN ["/a"]\n',
    contexts: {
      a: gone(),
      b: await engine('b', 'amd64'),
      c: await engine('c', 's390x'),
      d: await engine('d', 's390x'),
    },
  }
  const { said, error, warnings } = await build('auto', setting)
  expect(error).toMatchObject({ code: 'ENGINE_FAILED' })
  expect(said).toEqual(['linux/s390x on c'])
  expect(seen).toEqual(['c'])
  expect(warnings).toEqual([expect.stringContaining('a is left out')])
  const { contexts } = setting
  expect((await build('auto', { ...setting, contexts: { a: contexts.a, b: contexts.b } })).error).toMatchObject({
    code: 'ENGINE_NONE',
    message: expect.stringMatching(/b: it runs no programs for s390x; a: cannot reach.*; this machine: .*s390x/),
  })
})

test('auto takes no engine that options have no meaning for', async () => {
  const { error } = await build('auto', {
    platforms: ['linux/s390x'],
    text: 'FROM scratch\nCOPY a /\nRUN ["/a"]\n',
    contexts: { c: await engineThat(async () => {}, 's390x') },
    more: { isolation: 'namespace' },
  })
  expect(error).toMatchObject({ code: 'ENGINE_UNSUPPORTED' })
})

test('BUILDPLATFORM is the platform of the engine', async () => {
  const engine = await engineThat(async () => {}, 'arm64')
  const text = 'FROM scratch\nARG BUILDPLATFORM BUILDARCH\nLABEL on=$BUILDPLATFORM/$BUILDARCH\n'
  const folder = temporaryFolder()
  const tare = await openTare({ home: folder, environment: {} })
  const labels = async (builder: string) => {
    await tare.build({ context: { kind: 'empty' }, dockerfile: { text }, builder, tags: ['made'] })
    return (await tare.images.inspect('made')).Config.Labels
  }
  expect(await labels(engine)).toEqual({ on: 'linux/arm64/arm64' })
  expect(await labels(`linux/amd64=${engine}`)).toEqual({ on: 'linux/arm64/arm64' })
  expect(await labels(`linux/s390x=${engine}`)).toEqual(await labels('default'))
})
