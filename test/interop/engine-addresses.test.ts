import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Digest, openTare, type TareEvent } from '../../src/index.ts'
import { frontOf } from '../kit/buildkit-front.ts'
import { makeCertificate } from '../kit/certificates.ts'
import { alpineRootfs, isRoot, temporaryFolder, writeFiles } from '../kit/cli.ts'
import { freePort } from '../kit/free-port.ts'
import { hasProgram, unlessMissing } from '../kit/needs.ts'
import { type Relay, relayTo } from '../kit/relay.ts'
import { standIn } from '../kit/stand-in.ts'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'

// Ways to real engines, and several of them at once.

const mayStart = unlessMissing(isRoot, 'dockerd is tried as root only') && hasProgram('dockerd') && hasProgram('docker')
const buildkitd = process.env['BUILDKITD']
unlessMissing(buildkitd !== undefined, 'there is no buildkitd: BUILDKITD names a program, or an address')

let folder: string
let daemon: DockerDaemon | string = 'not started'
let port = 0

beforeAll(async () => {
  if (!mayStart) return
  folder = mkdtempSync(join(tmpdir(), 'tare-engine-'))
  const authority = makeCertificate(folder, 'authority')
  const server = makeCertificate(folder, 'server', authority)
  const me = makeCertificate(folder, 'me', authority)
  writeFiles(join(folder, 'me'), {
    'ca.pem': readFileSync(authority.cert),
    'cert.pem': readFileSync(me.cert),
    'key.pem': readFileSync(me.key),
  })
  port = await freePort()
  const tls = ['--tlsverify', `--tlscacert=${authority.cert}`, `--tlscert=${server.cert}`, `--tlskey=${server.key}`]
  daemon = await startDockerDaemon(join(folder, 'docker'), 'vfs', ['-H', `tcp://127.0.0.1:${port}`, ...tls])
  if (typeof daemon === 'string') console.warn(`skipped: ${daemon}`)
})

afterAll(async () => {
  if (typeof daemon !== 'string') await daemon.stop()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

// Nobody has it in a cache.
const unique = String(process.hrtime.bigint())

const socket = () => join(folder, 'docker/docker.sock')

interface Outcome {
  readonly events: readonly TareEvent[]
  /** Of the image, without a registry. */
  readonly digest: Digest
}

/** Builds in a store and a context of its own. */
async function build(
  builder: string,
  {
    environment = {},
    text = 'FROM scratch\nCOPY a /\n',
    platforms,
    report,
    home = temporaryFolder(),
  }: BuildSetting = {},
): Promise<Outcome> {
  const path = writeFiles(temporaryFolder(), { Dockerfile: text, a: unique })
  copyFileSync(alpineRootfs, join(path, 'alpine.tgz'))
  const tare = await openTare({ home, environment: { DOCKER_CONFIG: '/nowhere', ...environment } })
  const events: TareEvent[] = []
  const { digest } = await tare.build({
    context: { kind: 'directory', path },
    builder,
    platforms,
    network: 'none',
    tags: [builder === 'default' ? 'here' : 'there'],
    report: (event) => {
      events.push(event)
      report?.(event)
    },
  })
  return { events, digest }
}

interface BuildSetting {
  readonly environment?: Readonly<Record<string, string>>
  readonly text?: string
  readonly platforms?: readonly string[]
  readonly report?: (event: TareEvent) => void
  readonly home?: string
}

function context(name: string, endpoint: object): Record<string, string> {
  const id = createHash('sha256').update(name).digest('hex')
  const path = `contexts/meta/${id}/meta.json`
  return {
    DOCKER_CONFIG: writeFiles(temporaryFolder(), {
      [path]: JSON.stringify({ Name: name, Endpoints: { docker: endpoint } }),
      ...Object.fromEntries(
        ['ca.pem', 'cert.pem', 'key.pem'].map((file) => [
          `contexts/tls/${id}/docker/${file}`,
          readFileSync(join(folder, 'me', file)),
        ]),
      ),
    }),
  }
}

describe.skipIf(!mayStart)('a docker daemon', () => {
  const there = () => typeof daemon !== 'string'

  test('is built on over TLS, if both sides know one another', async () => {
    if (!there()) return expect(daemon).toBeTypeOf('string')
    const file = (name: string) => join(folder, 'me', name)
    const address = `tls://127.0.0.1:${port}`
    const files = `ca=${file('ca.pem')}&cert=${file('cert.pem')}&key=${file('key.pem')}`
    expect((await build(`${address}?${files}`)).digest).toMatch(/^sha256:/)
    expect((await build(address, { environment: { DOCKER_CERT_PATH: join(folder, 'me') } })).digest).toMatch(/^sha256:/)
    const far = context('far', { Host: `tcp://127.0.0.1:${port}` })
    expect((await build('far', { environment: far })).digest).toMatch(/^sha256:/)
    await expect(build(`${address}?ca=${file('ca.pem')}`)).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringMatching(/requires a client certificate|does not accept the client certificate/),
    })
    await expect(build(address)).rejects.toMatchObject({ message: expect.stringContaining('not trusted') })
    await expect(build(`tcp://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'ENGINE_INVALID' })
  })

  test('is built on through ssh, which a docker context names', async () => {
    if (!there()) return expect(daemon).toBeTypeOf('string')
    standIn('ssh', ['-T', '-o', 'BatchMode=yes', '-l', 'me', '--', 'far', 'docker', 'system', 'dial-stdio'], socket())
    const environment = context('far', { Host: 'ssh://me@far' })
    expect((await build('docker://far', { environment })).digest).toMatch(/^sha256:/)
  })

  test('is built on through a port of this machine', async () => {
    if (!there()) return expect(daemon).toBeTypeOf('string')
    const { address } = await relayTo(`unix://${socket()}`, 'port')
    expect((await build(address.replace('127.0.0.1', 'localhost'))).digest).toMatch(/^sha256:/)
  })

  test('is asked by the doctor', async () => {
    if (!there()) return expect(daemon).toBeTypeOf('string')
    const tare = await openTare({ home: temporaryFolder(), environment: { DOCKER_CONFIG: '/nowhere' } })
    const { engines } = await tare.doctor({ builder: `unix://${socket()}` })
    expect(engines[0]).toMatchObject({
      ...{ wanted: true, works: true, exporters: ['moby', 'tar', 'local'] },
      software: expect.stringMatching(/^docker \d+\./),
      platforms: expect.arrayContaining([expect.stringMatching(/^linux\//)]),
      capabilities: expect.arrayContaining(['file.base']),
      lacks: expect.arrayContaining(['COPY --chmod with letters']),
    })
  })

  const text = [
    ...['FROM scratch AS amd64', 'ADD alpine.tgz /', 'RUN echo made > /made'],
    // Steps that are equal are one step to a daemon, whichever build they are of.
    ...['FROM scratch AS other', 'ARG TARGETARCH', 'COPY a /of-$TARGETARCH', 'WORKDIR /w'],
    ...['FROM other AS arm64', 'FROM other AS arm', 'FROM other AS s390x'],
    ...['FROM $TARGETARCH', 'COPY a /last'],
  ].join('\n')
  const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/s390x']

  test('is one of three that share four platforms, of which one is gone in mid-build', async () => {
    if (!there()) return expect(daemon).toBeTypeOf('string')
    const own = `unix://${socket()}`
    const engines = [...given, own, own, own].slice(0, 3)
    const relays = await Promise.all(engines.map((engine) => relayTo(engine)))
    const home = temporaryFolder()
    let first: Relay | undefined
    const report = (event: TareEvent) => {
      if (event.type !== 'step-started') return
      const said = /^\[internal\] build linux\/arm64 on (.*)$/.exec(event.title)?.[1]
      first ??= relays.find((relay) => relay.address === said)
      if (event.title.startsWith('[linux/arm64 ')) first?.close()
    }
    const { events } = await build(relays.map(({ address }) => address).join(','), { text, platforms, report, home })
    const said = events.flatMap((event) => (event.type === 'step-started' ? [event.title] : []))
    const warnings = events.flatMap((event) => (event.type === 'warning' ? [`${event.rule} ${event.message}`] : []))
    expect(first).toBeDefined()
    expect(warnings).toContainEqual(expect.stringContaining(`EngineLeftOut ${first!.address} is left out`))
    for (const relay of relays) expect(said).toContainEqual(expect.stringContaining(`on ${relay.address}`))
    // Where all three are one daemon, a step that the next engine shares with the lost build may be cancelled with it.
    expect(said.filter((title) => title.startsWith('[internal] build linux/arm64 on ')).length).toBeGreaterThan(1)
    await build('default', { text, platforms, home })
    const tare = await openTare({ home })
    for (const platform of platforms) {
      const diff = await tare.images.diff({ a: 'here', b: 'there', semantic: true, platform })
      expect(diff.equal, `${platform} ${JSON.stringify(diff)}`).toBe(true)
    }
  })

  test('is not replaced where a step fails', async () => {
    if (!there()) return expect(daemon).toBeTypeOf('string')
    const own = `unix://${socket()}`
    const builder = `${(await relayTo(own)).address},${(await relayTo(own)).address}`
    const failing = 'FROM scratch\nADD alpine.tgz /\nRUN exit 3\n'
    await expect(build(builder, { text: failing })).rejects.toMatchObject({ code: 'RUN_FAILED' })
  })
})

const given = (process.env['TARE_TEST_ENGINES'] ?? '').split(' ').filter(Boolean)

describe.skipIf(!unlessMissing(given.length > 0 && mayStart, 'no engine to build on, see TARE_TEST_ENGINES'))(
  'an engine that speaks HTTP/2 at once, as buildkitd does',
  () => {
    test.each(given)('is built on over TLS and through kubectl: %s', async (engine) => {
      const front = await frontOf(engine.slice('unix://'.length))
      const file = (name: string) => readFileSync(join(folder, name))
      const relay = await relayTo(front, {
        ...{ cert: file('server.crt'), key: file('server.key'), ca: file('authority.crt') },
        ...{ requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['h2'] },
      })
      standIn('kubectl', ['exec', '-i', 'b-0', '--', 'buildctl', 'dial-stdio'], front.slice('unix://'.length))
      const tare = await openTare({ home: temporaryFolder(), environment: { DOCKER_CONFIG: '/nowhere' } })
      const exports = (await tare.doctor({ builder: engine })).engines[0]!.exporters.includes('oci')
      const environment = { DOCKER_CERT_PATH: join(folder, 'me') }
      for (const address of [relay.address, 'kube-pod://b-0']) {
        const code = await build(address, { environment }).then(
          ({ digest }) => digest.slice(0, 'sha256:'.length),
          (error: { code: string }) => error.code,
        )
        // A docker daemon with its older image store hands over results through its own API alone.
        expect(code).toBe(exports ? 'sha256:' : 'ENGINE_UNSUPPORTED')
      }
    })
  },
)

describe.skipIf(buildkitd === undefined)('a buildkitd', () => {
  let own: ChildProcess | undefined
  let address = buildkitd ?? ''
  let place: string

  beforeAll(() => {
    if (address.includes('://')) return
    place = mkdtempSync(join(tmpdir(), 'tare-buildkitd-'))
    const program = address
    address = `unix://${join(place, 'buildkitd.sock')}`
    own = spawn(program, ['--addr', address, '--root', join(place, 'root')], { stdio: 'ignore' })
  })

  afterAll(async () => {
    if (own === undefined) return
    const ended = new Promise((resolve) => own!.once('close', resolve))
    own.kill()
    await ended
    rmSync(place, { recursive: true, force: true })
  })

  test('is asked, and built on', async () => {
    const tare = await openTare({ home: temporaryFolder(), environment: {} })
    const ask = async () => (await tare.doctor({ builder: address })).engines.find(({ wanted }) => wanted)
    await expect.poll(ask).toMatchObject({ works: true, software: expect.stringContaining('buildkitd') })
    const home = temporaryFolder()
    const text = 'FROM scratch\nADD alpine.tgz /\nRUN echo made > /made\nCOPY --link a /linked\n'
    await build('default', { text, home })
    await build(address, { text, home })
    expect(await (await openTare({ home })).images.diff({ a: 'here', b: 'there', semantic: true })).toMatchObject({
      equal: true,
    })
  })
})
