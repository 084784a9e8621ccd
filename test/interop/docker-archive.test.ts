import { execFile, execFileSync, spawn } from 'node:child_process'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openArchive, writeArchive } from '../../src/content/archive/index.ts'
import { familiarName, parseImageConfig, parseReference } from '../../src/oci/index.ts'
import { collect, sha256 } from '../../src/support/index.ts'
import { type TinyImage, tinyImage } from '../kit/tiny-image.ts'

// What we write is read by the tools of others, and what they write by us.

const run = promisify(execFile)
const formats = ['docker', 'docker-legacy', 'oci'] as const
const image = tinyImage({
  files: [
    ['a', '1'],
    ['b', '2'],
    ['a', '1'],
  ],
})
const id = image.config.descriptor.digest
const diffIds = image.layers.map((layer) => layer.descriptor.digest)

let folder: string
const ours = (format: string) => join(folder, `${format}.tar`)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tare-interop-'))
  for (const format of formats) await save(ours(format), format, image)
  await mkdir(join(folder, 'layout'))
  await run('tar', ['-xf', ours('oci'), '-C', join(folder, 'layout')])
  await writeFile(join(folder, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function save(path: string, format: (typeof formats)[number], image: TinyImage): Promise<void> {
  const writer = writeArchive(path, { format })
  for (const blob of image.blobs) await writer.put(blob.descriptor, blob.open)
  await writer.tag(parseReference('app:1'), image.manifest.descriptor)
  await writer.close()
}

/** The names and the ID of each image, after all layers were found to be what the config says. */
async function read(
  path: string,
): Promise<readonly { names: readonly string[]; id: string; diffIds: readonly string[] }[]> {
  const archive = await openArchive(path, { scratch: join(folder, 'scratch') })
  try {
    const images = []
    for (const { names, config, layers } of await archive.images()) {
      for (const layer of layers) expect(sha256(await collect(await layer.open(), 1 << 24))).toBe(layer.diffId)
      images.push({ names: names.map(familiarName), id: config.digest, diffIds: layers.map((layer) => layer.diffId) })
    }
    return images
  } finally {
    await archive.close()
  }
}

function needs(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    console.warn(`skipped: there is no ${program} on this machine`)
    return false
  }
}

describe.skipIf(!needs('skopeo'))('skopeo', () => {
  const skopeo = (...args: readonly string[]) => run('skopeo', ['--insecure-policy', ...args])

  test.each([
    ['docker', 'docker-archive'],
    ['docker-legacy', 'docker-archive'],
    ['docker', 'oci-archive'],
    ['oci', 'oci-archive'],
  ])('reads our %s format as %s', async (format, transport) => {
    const source = transport === 'oci-archive' ? `${transport}:${ours(format)}` : `${transport}:${ours(format)}:app:1`
    const { stdout } = await skopeo('inspect', '--config', '--raw', source)
    expect(sha256(stdout.trimEnd())).toBe(id)
    const copy = join(folder, `copy-${format}-${transport}`)
    await skopeo('copy', source, `oci:${copy}:app`)
    const config = await skopeo('inspect', '--config', '--raw', `oci:${copy}:app`)
    expect(parseImageConfig(config.stdout, 'the copy').diffIds).toEqual(diffIds)
    expect((await read(copy)).map((image) => image.diffIds)).toEqual([diffIds])
  })

  test('writes a docker-archive and an OCI archive that we read', async () => {
    const layout = `oci:${join(folder, 'layout')}:1`
    await skopeo('copy', layout, `docker-archive:${join(folder, 'skopeo-docker.tar')}:app:2`)
    await skopeo('copy', layout, `oci-archive:${join(folder, 'skopeo-oci.tar')}:app:3`)
    await skopeo('copy', '--dest-compress', layout, `oci:${join(folder, 'skopeo-layout')}:tag`)
    expect(await read(join(folder, 'skopeo-docker.tar'))).toMatchObject([{ names: ['app:2'], diffIds }])
    expect(await read(join(folder, 'skopeo-oci.tar'))).toEqual([{ names: ['app:3'], id, diffIds }])
    expect(await read(join(folder, 'skopeo-layout'))).toEqual([{ names: [], id, diffIds }])
  })
})

describe.skipIf(!needs('umoci'))('umoci', () => {
  test('unpacks our OCI layout', async () => {
    await run('umoci', ['unpack', '--rootless', '--image', `${join(folder, 'layout')}:1`, join(folder, 'bundle')])
    expect(await readFile(join(folder, 'bundle/rootfs/a'), 'utf8')).toBe('1')
    expect(await readFile(join(folder, 'bundle/rootfs/b'), 'utf8')).toBe('2')
  })

  test('makes a layout that we read', async () => {
    const layout = join(folder, 'umoci')
    await run('umoci', ['init', '--layout', layout])
    await run('umoci', ['new', '--image', `${layout}:empty`])
    await run('umoci', [
      'insert',
      '--rootless',
      '--image',
      `${layout}:empty`,
      '--tag',
      'one',
      join(folder, 'policy.json'),
      '/policy.json',
    ])
    expect((await read(layout)).map((image) => image.diffIds.length).sort()).toEqual([0, 1])
  })
})

const isRoot = process.getuid?.() === 0
if (!isRoot) console.warn('skipped: buildah and dockerd are tried as root only')

describe.skipIf(!isRoot || !needs('buildah'))('buildah', () => {
  const buildah = (command: string, ...args: readonly string[]) =>
    run('buildah', [
      ...['--root', join(folder, 'buildah'), '--runroot', join(folder, 'buildah-run'), '--storage-driver', 'vfs'],
      ...[command, '--signature-policy', join(folder, 'policy.json')],
      ...args,
    ])

  test.each(['docker', 'docker-legacy'])('pulls our %s format and pushes archives that we read', async (format) => {
    const { stdout } = await buildah('pull', '-q', `docker-archive:${ours(format)}`)
    expect(`sha256:${stdout.trim()}`).toBe(id)
    const out = join(folder, `buildah-${format}.tar`)
    await buildah('push', stdout.trim(), `docker-archive:${out}:app:2`)
    expect(await read(out)).toMatchObject([{ names: ['app:2'], diffIds }])
    await buildah('push', stdout.trim(), `oci-archive:${out}.oci:app:3`)
    expect(await read(`${out}.oci`)).toMatchObject([{ names: ['app:3'], diffIds }])
  })
})

describe.skipIf(!isRoot || !needs('dockerd'))('Docker', () => {
  let stop: () => Promise<void>
  let unable: string | undefined
  let call: (method: string, path: string, body?: NodeJS.ReadableStream) => Promise<IncomingMessage>

  beforeAll(async () => {
    const home = join(folder, 'docker')
    const socket = join(home, 'docker.sock')
    await mkdir(home)
    call = (method, path, body) => callDocker(socket, method, path, body)
    const daemon = spawn(
      'dockerd',
      [
        ...['--iptables=false', '--bridge=none', '--storage-driver=vfs', '-H', `unix://${socket}`],
        ...['--data-root', join(home, 'data'), '--exec-root', join(home, 'exec'), '--pidfile', join(home, 'pid')],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let said = ''
    daemon.stderr.on('data', (text) => {
      said += text
    })
    const ended = new Promise<void>((resolve) => daemon.once('exit', () => resolve()))
    stop = async () => {
      daemon.kill('SIGTERM')
      await ended
    }
    for (let i = 0; i < 150; i++) {
      if (
        await call('GET', '/_ping').then(
          (answer) => answer.resume().statusCode === 200,
          () => false,
        )
      )
        return
      if (daemon.exitCode !== null) break
      await sleep(200)
    }
    // Root in a container may have dockerd and still not the rights that it needs.
    unable = `dockerd does not start here: ${said.trim().split('\n').at(-1)}`
    console.warn(`skipped: ${unable}`)
  })
  beforeEach((context) => {
    if (unable !== undefined) context.skip(unable)
  })
  afterAll(() => stop?.())

  async function load(path: string): Promise<string> {
    const answer = await call('POST', '/images/load?quiet=1', createReadStream(path))
    return String(await collect(answer, 1 << 20))
  }
  async function inspect(name: string): Promise<{ Id: string; RootFS: { Layers?: string[] } }> {
    return JSON.parse(String(await collect(await call('GET', `/images/${name}/json`), 1 << 20)))
  }
  async function saveAs(path: string, ...names: readonly string[]): Promise<void> {
    const answer = await call(
      'GET',
      `/images/get?${names.map((name) => `names=${encodeURIComponent(name)}`).join('&')}`,
    )
    expect(answer.statusCode).toBe(200)
    await pipeline(answer, createWriteStream(path))
  }
  const remove = async (name: string) => (await call('DELETE', `/images/${name}?force=1`)).resume()

  test.each(['docker', 'docker-legacy'])('loads our %s format as the same image', async (format) => {
    expect(await load(ours(format))).toContain('Loaded image: app:1')
    const loaded = await inspect('app:1')
    expect(loaded.Id).toBe(id)
    expect(loaded.RootFS.Layers).toEqual(diffIds)
    await remove('app:1')
  })

  test('loads an image without layers', async () => {
    const empty = tinyImage({ files: [] })
    await save(join(folder, 'empty.tar'), 'docker', empty)
    await load(join(folder, 'empty.tar'))
    expect((await inspect('app:1')).Id).toBe(empty.config.descriptor.digest)
    await remove('app:1')
  })

  test('saves what we read, under all names', async () => {
    await load(ours('docker'))
    await (await call('POST', '/images/app:1/tag?repo=example.com/other&tag=2')).resume()
    const path = join(folder, 'docker-save.tar')
    await saveAs(path, 'app:1', 'example.com/other:2')
    expect(await read(path)).toEqual([{ names: ['app:1', 'example.com/other:2'], id, diffIds }])
    await writeFile(`${path}.gz`, gzipSync(await readFile(path)))
    expect(await read(`${path}.gz`)).toEqual(await read(path))
    await remove('example.com/other:2')
    await remove('app:1')
  })

  test('of before version 25 saves members of the very bytes of our legacy format', async (context) => {
    const { Version } = JSON.parse(String(await collect(await call('GET', '/version'), 1 << 20))) as { Version: string }
    if (Number.parseInt(Version, 10) >= 25) return context.skip(`this is Docker ${Version}`)
    await load(ours('docker-legacy'))
    await saveAs(join(folder, 'legacy-save.tar'), 'app:1')
    const contents = async (tar: string) => {
      const to = await mkdtemp(join(folder, 'contents-'))
      await run('tar', ['-xf', tar, '-C', to])
      const { stdout } = await run(
        'sh',
        [
          '-c',
          'find . | LC_ALL=C sort; find . -type f | LC_ALL=C sort | xargs sha256sum; find . -type l -exec readlink {} +',
        ],
        { cwd: to },
      )
      return stdout
    }
    expect(await contents(join(folder, 'legacy-save.tar'))).toBe(await contents(ours('docker-legacy')))
    await remove('app:1')
  })
})

function callDocker(
  socketPath: string,
  method: string,
  path: string,
  body?: NodeJS.ReadableStream,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, headers: { 'content-type': 'application/x-tar' } }, resolve)
    sent.once('error', reject)
    if (body === undefined) sent.end()
    else body.pipe(sent)
  })
}
