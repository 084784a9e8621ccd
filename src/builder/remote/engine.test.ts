import { createHash } from 'node:crypto'
import { createServer as serveHttp } from 'node:http'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { engineThat, receiveFiles, serveEngine } from '../../../test/kit/buildkit-front.ts'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { relayTo } from '../../../test/kit/relay.ts'
import { standIn } from '../../../test/kit/stand-in.ts'
import { filesync, secrets, ssh } from '../../buildkit/index.ts'
import { openTare, type TareEvent } from '../../index.ts'

// Engines that are none, or are not to be trusted.

async function build(builder: string, more: object = {}): Promise<readonly TareEvent[]> {
  const folder = temporaryFolder()
  const path = writeFiles(join(folder, 'context'), {
    Dockerfile: 'FROM scratch\nCOPY a /\n',
    a: 'a',
    secret: 'not for the build',
  })
  const tare = await openTare({ home: join(folder, 'home'), environment: {} })
  const events: TareEvent[] = []
  await tare.build({
    context: { kind: 'directory', path },
    builder,
    report: (event: TareEvent) => events.push(event),
    ...more,
  })
  return events
}

async function listening(server: Server): Promise<string> {
  const path = join(temporaryFolder(), 'socket')
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => void server.close())
  return `unix://${path}`
}

test('a path without a socket is told', async () => {
  const path = join(temporaryFolder(), 'none.sock')
  await expect(build(`unix://${path}`)).rejects.toMatchObject({
    code: 'ENGINE_UNREACHABLE',
    message: `cannot reach the engine unix://${path}: there is no such socket`,
  })
})

test('a server of something else is told', async () => {
  const address = await listening(serveHttp((_, response) => response.writeHead(404).end()))
  await expect(build(address)).rejects.toMatchObject({ code: 'ENGINE_INVALID' })
})

test('a server that says nothing is told within seconds', async () => {
  const address = await listening(createServer(() => {}))
  await expect(build(address)).rejects.toMatchObject({
    code: 'ENGINE_INVALID',
    message: expect.stringContaining('within 5 s'),
  })
})

test('a server of HTTP/2 that is no BuildKit is told', async () => {
  await expect(build(await serveEngine([]))).rejects.toMatchObject({ code: 'ENGINE_INVALID' })
})

test('a program that fails says why', async () => {
  const folder = writeFiles(temporaryFolder(), {
    docker: { content: '#!/bin/sh\necho "no such container: $3" >&2\nexit 3\n', mode: 0o755 },
  })
  const before = process.env['PATH']
  process.env['PATH'] = `${folder}:${before}`
  onTestFinished(() => {
    process.env['PATH'] = before
  })
  await expect(build('docker-container://gone')).rejects.toMatchObject({
    code: 'ENGINE_UNREACHABLE',
    message: expect.stringContaining('docker ended with exit code 3: no such container: gone'),
  })
})

test('an engine behind a program is built on through its input and output', async () => {
  let seen: readonly string[] = []
  const address = await engineThat(async (session) => {
    seen = (await receiveFiles(session, 'context')).entries
  })
  standIn('podman', ['exec', '-i', 'b-0', 'buildctl', 'dial-stdio'], address.slice('unix://'.length))
  await expect(build('podman-container://b-0')).rejects.toMatchObject({ code: 'ENGINE_INVALID' })
  expect(seen.map((line) => line.split(' ')[0])).toEqual(['a'])
})

test('an engine that asks for files that were not offered ends the build', async () => {
  const builder = await engineThat(async (session) => {
    await receiveFiles(session, '/etc').catch(() => {})
    await new Promise(() => {})
  })
  await expect(build(builder)).rejects.toMatchObject({
    code: 'ENGINE_INVALID',
    message: 'the engine asks for files that were not offered: "/etc"',
  })
})

test('an engine sees the files that the Dockerfile copies, and no others', async () => {
  let seen: readonly string[] = []
  const builder = await engineThat(async (session) => {
    seen = (await receiveFiles(session, 'context')).entries
  })
  await expect(build(builder)).rejects.toThrow()
  expect(seen.map((line) => line.split(' ')[0])).toEqual(['a'])
})

test('an engine does not get secrets that the build was not given', async () => {
  const told: unknown[] = []
  const builder = await engineThat(async (session) => {
    for (const id of ['given', 'other'])
      told.push(
        await session.unary(secrets.Secrets.method.getSecret, { id }).then(
          ({ data }) => Buffer.from(data).toString(),
          (error: { code: number }) => error.code,
        ),
      )
  })
  await expect(build(builder, { secrets: [{ id: 'given', value: 'hidden value' }] })).rejects.toThrow()
  expect(told).toEqual(['hidden value', 5])
})

test('an engine reaches the agents that the build was given, and no others', async () => {
  const socket = join(temporaryFolder(), 'agent')
  const agent = createServer((asking) => void asking.end('keys')).listen(socket)
  onTestFinished(() => void agent.close())
  const { checkAgent, forwardAgent } = ssh.SSH.method
  const codeOf = (error: { code: number }) => error.code
  const told: unknown[] = []
  const builder = await engineThat(async (session) => {
    for (const id of ['given', 'other', 'default', '']) {
      const forwarded = async () => {
        const call = session.bidi(forwardAgent, { metadata: { 'buildkit.ssh.id': id } })
        let text = ''
        for await (const { data } of call.responses) text += Buffer.from(data).toString()
        return text
      }
      const checked = session.unary(checkAgent, { id }).then(() => 'there', codeOf)
      told.push([await checked, await forwarded().catch(codeOf)])
    }
  })
  await expect(build(builder, { ssh: [{ id: 'given', paths: [socket] }] })).rejects.toThrow()
  expect(told).toEqual([
    ['there', 'keys'],
    [5, 5],
    [5, 5],
    [5, 5],
  ])
})

test('an engine that is only configured is not built on', async () => {
  const relay = await relayTo(await engineThat(async () => {}))
  const far = createHash('sha256').update('far').digest('hex')
  const node = { Name: 'b0', Endpoint: relay.address }
  const config = writeFiles(temporaryFolder(), {
    'config.json': JSON.stringify({ currentContext: 'far' }),
    [`contexts/meta/${far}/meta.json`]: JSON.stringify({ Name: 'far', Endpoints: { docker: { Host: relay.address } } }),
    'buildx/current': JSON.stringify({ Key: relay.address, Name: 'b', Global: true }),
    'buildx/instances/b': JSON.stringify({ Name: 'b', Driver: 'remote', Nodes: [node] }),
  })
  const environment = {
    ...{ DOCKER_CONFIG: config, DOCKER_HOST: relay.address, DOCKER_CONTEXT: 'far' },
    ...{ BUILDX_BUILDER: 'b', BUILDKIT_HOST: relay.address },
  }
  const tare = await openTare({ home: temporaryFolder(), environment })
  const context = { kind: 'directory', path: writeFiles(temporaryFolder(), { a: 'a' }) } as const
  const made = (more: object) =>
    tare.build({ context, dockerfile: { text: 'FROM scratch\nCOPY a /\n' }, tags: ['x'], ...more })
  await made({})
  expect(relay.count()).toBe(0)
  for (const builder of ['far', 'b']) {
    relay.reset()
    await expect(made({ builder })).rejects.toMatchObject({ code: expect.stringMatching(/^ENGINE_/) })
    expect(relay.sent()).toBeGreaterThan(0)
  }
})

test('an engine that sends no result, or something that is none, is told', async () => {
  const nothing = await engineThat(async () => {})
  await expect(build(nothing)).rejects.toMatchObject({ code: expect.stringMatching(/^ENGINE_/) })
  const rubbish = await engineThat(async (session) => {
    const call = session.bidi(filesync.FileSend.method.diffCopy)
    await call.send({ data: Buffer.from('this is no archive') })
    call.finish()
    for await (const _ of call.responses);
  })
  await expect(build(rubbish)).rejects.toThrow()
})

test('an engine that is gone in mid-build is told, and nothing is kept', async () => {
  const builder = await engineThat(async (session) => {
    session.close()
    throw Object.assign(new Error('killed'), {})
  })
  await expect(build(builder)).rejects.toMatchObject({
    code: 'ENGINE_FAILED',
    message: expect.stringContaining('killed'),
  })
})

test('what a build on an engine does not have is refused by name', async () => {
  const builder = 'unix:///none.sock'
  for (const [option, what] of [
    [{ isolation: 'chroot' }, 'isolation'],
    [{ rewriteTimestamp: true }, 'rewriting of timestamps'],
    [{ explain: true }, 'explanations'],
    [{ onFailedStep: async () => {} }, 'a shell after a failed step'],
  ] as const)
    await expect(build(builder, option)).rejects.toMatchObject({
      code: 'ENGINE_UNSUPPORTED',
      message: expect.stringContaining(what),
    })
})

test('a name that nothing has is an error, before anything is read', async () => {
  await expect(build('nobody', { context: { kind: 'directory', path: '/nowhere' } })).rejects.toMatchObject({
    code: 'ENGINE_UNKNOWN',
  })
})

test('default is this machine', async () => {
  const events = await build('default')
  expect(events.filter(({ type }) => type === 'image')).toHaveLength(1)
})

test('an image without new layers needs no engine', async () => {
  const file = { text: 'FROM scratch\nCMD ["x"]\n' }
  const events = await build('unix:///none.sock', { dockerfile: file })
  expect(events.filter(({ type }) => type === 'image')).toHaveLength(1)
})
