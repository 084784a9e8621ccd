import { execFileSync, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readTar } from '../src/files/tar/index.ts'
import { alpineRootfs } from '../test/kit/cli.ts'
import { unlessMissing } from '../test/kit/needs.ts'

// Every example, run as its README says, against dist/.

const checkout = resolve(import.meta.dirname, '..')

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tare-examples-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs a script of the checkout; answers what it says on standard output. */
function run(script: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  return execFileSync(process.execPath, [script, ...argv], {
    cwd: checkout,
    env: { ...process.env, SOURCE_DATE_EPOCH: '', ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** The command line over a store of its own. */
function openStore(env: Readonly<Record<string, string>> = {}) {
  const home = temporaryFolder()
  const tare = (...argv: string[]) => run('bin/tare.js', argv, { TARE_HOME: home, ...env })
  const layers = async (name: string) => {
    const diffIds: string[] = JSON.parse(tare('inspect', '-f', '{{json .RootFS.Layers}}', name))
    return Promise.all(diffIds.map((diffId) => entriesOf(join(home, 'blobs', diffId.replace(':', '/')))))
  }
  return { home, tare, layers }
}

/** The entries of a layer: `path mode owner`, and the text of each file. */
async function entriesOf(file: string) {
  const lines: string[] = []
  const texts: Record<string, string> = {}
  for await (const entry of readTar(once(readFileSync(file)))) {
    lines.push(`${entry.path} ${entry.mode.toString(8)} ${entry.uid}:${entry.gid}`)
    const chunks: Uint8Array[] = []
    for await (const chunk of entry.body) chunks.push(chunk)
    if (chunks.length > 0) texts[entry.path] = Buffer.concat(chunks).toString()
  }
  return { lines, texts }
}

async function* once(bytes: Uint8Array) {
  yield bytes
}

test('hello: each command does what it shows, and the saved program runs', () => {
  const said = run('examples/hello/run.js', [])
  const commands = said.split('\n').flatMap((line) => (line.startsWith('$ ') ? [line.slice(2)] : []))
  expect(commands.slice(0, 6)).toEqual([
    'node examples/hello/make-hello.js',
    expect.stringMatching(/^tare build (?:--platform linux\/amd64 )?-t hello examples\/hello$/),
    'tare image ls',
    expect.stringContaining('tare image inspect -f'),
    'tare image history hello',
    'tare image save -o examples/hello/hello.tar hello',
  ])
  expect(said).toMatch(/^hello +latest +[0-9a-f]{12} .* 19[02]B$/m)
  expect(said).toMatch(/^linux\/(?:amd64|arm64) \["\/hello"\] .*"One program, and nothing else"/m)
  expect(said).toMatch(/^<missing> .*COPY hello \/hello # buildkit +19[02]B +buildkit\.dockerfile\.v0$/m)
  if (spawnSync('tar', ['--version']).error === undefined)
    expect(said).toMatch(
      /blobs\/sha256\/[0-9a-f]{64}\n.* index\.json\n.* manifest\.json\n.* oci-layout\n.* repositories\n/,
    )
  if (process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64'))
    expect(said).toContain('\nHello from an image made of thin air.\n')
})

test('hello: the layer is the same on every machine of an architecture', async () => {
  const { helloProgram } = (await import('./hello/make-hello.js' as string)) as {
    helloProgram(architecture: 'amd64' | 'arm64'): Buffer
  }
  // The instructions, as they ran on both.
  const amd64 = 'b801000000bf01000000488d3511000000ba260000000f05b83c00000031ff0f0590'
  const arm64 = '200080d2e1000010c20480d2080880d2010000d4000080d2a80b80d2010000d4'
  expect(helloProgram('amd64').subarray(120, 154).toString('hex')).toBe(amd64)
  expect(helloProgram('arm64').subarray(120, 152).toString('hex')).toBe(arm64)
  for (const architecture of ['amd64', 'arm64'] as const)
    expect(helloProgram(architecture).subarray(-38).toString()).toBe('Hello from an image made of thin air.\n')
})

test('multi-stage: only what the last stage copies is in the image', async () => {
  const { tare, layers } = openStore()
  tare('build', '--build-arg', 'VERSION=1.2.0', '-t', 'site:1.2.0', 'examples/multi-stage')
  const [settings, pages, ...others] = await layers('site:1.2.0')
  expect(others).toEqual([])
  expect(settings?.lines).toEqual([
    'etc/ 755 0:101',
    'etc/site/ 755 0:101',
    'etc/site/expand.txt 640 0:101',
    'etc/site/site.conf 640 0:101',
  ])
  expect(settings?.texts['etc/site/expand.txt']).toBe('Quoted, a heredoc keeps its $NAMES.\n')
  expect(pages?.lines).toEqual([
    'srv/ 755 101:101',
    'srv/www/ 755 101:101',
    'srv/www/index.html 644 101:101',
    'srv/www/ready.draft.html 644 101:101',
    'srv/www/version.json 644 101:101',
  ])
  expect(pages?.texts['srv/www/version.json']).toBe('{ "version": "1.2.0" }\n')
  const config = JSON.parse(tare('inspect', '-f', '{{json .Config}}', 'site:1.2.0'))
  expect(config).toMatchObject({
    User: '101:101',
    ExposedPorts: { '8080/tcp': {} },
    Labels: { 'org.opencontainers.image.version': '1.2.0' },
  })
})

test('multi-stage: a stage that nobody needs is built when it is the target', async () => {
  const { tare, layers } = openStore()
  tare('build', '--target', 'everything', '-t', 'everything', 'examples/multi-stage')
  const last = (await layers('everything')).at(-1)
  expect(last?.lines.map((line) => line.split(' ')[0])).toEqual([
    'context/',
    'context/.dockerignore',
    'context/Dockerfile',
    'context/pages/',
    'context/pages/index.html',
    'context/pages/ready.draft.html',
  ])
})

test('library: builds, tells, saves, meets an error and stops', () => {
  const folder = temporaryFolder()
  const said = run('examples/library/build.js', [folder]).trim().split('\n')
  expect(said).toEqual([
    'step 1: [internal] load build definition from Dockerfile',
    'step 2: [internal] load .dockerignore',
    'step 3: [1/1] COPY greeting.txt /srv/',
    'step 4: exporting to image',
    'built greeting:1, greeting:latest',
    'labels {"to":"you"}, 1 layer',
    'greeting:1 has 7 bytes',
    'greeting:latest has 7 bytes',
    'saved greeting.tar',
    'line 2: COPY_SOURCE_MISSING: Did you mean "greeting.txt"?',
    'stopped: that is enough',
  ])
  const { tare } = openStore({ TARE_HOME: join(folder, 'store') })
  expect(tare('images', '--format', '{{.Repository}}:{{.Tag}}')).toBe('greeting:1\ngreeting:latest\n')
  const other = openStore()
  expect(other.tare('load', '-i', join(folder, 'greeting.tar'))).toBe('Loaded image: greeting:1\n')
})

test('scratch-alpine: the Dockerfile takes any root filesystem', async () => {
  const context = temporaryFolder()
  copyFileSync(join(import.meta.dirname, 'scratch-alpine/Dockerfile'), join(context, 'Dockerfile'))
  execFileSync('tar', [
    '-czf',
    join(context, 'alpine-minirootfs.tgz'),
    '-C',
    join(checkout, 'examples'),
    'hello/Dockerfile',
  ])
  const { tare, layers } = openStore()
  tare('build', '-t', 'scratch-alpine', context)
  const [layer] = await layers('scratch-alpine')
  expect(layer?.lines.map((line) => line.split(' ')[0])).toEqual(['hello/', 'hello/Dockerfile'])
})

test.skipIf(!unlessMissing(existsSync(alpineRootfs), `there is no ${alpineRootfs}`))(
  'scratch-alpine: of the real one comes the very image that Docker makes',
  () => {
    const context = temporaryFolder()
    copyFileSync(join(import.meta.dirname, 'scratch-alpine/Dockerfile'), join(context, 'Dockerfile'))
    copyFileSync(alpineRootfs, join(context, 'alpine-minirootfs.tgz'))
    const { tare } = openStore({ SOURCE_DATE_EPOCH: '1700000000' })
    const told = readFileSync(join(import.meta.dirname, 'scratch-alpine/README.md'), 'utf8')
    const id = tare('build', '-q', '--platform', 'linux/amd64', '-t', 'scratch-alpine', context).trim()
    expect(told.split(id)).toHaveLength(3)
    expect(told).toContain(tare('inspect', '-f', '{{index .RootFS.Layers 0}}', 'scratch-alpine').trim())
  },
)

/** Debian, as far as the image takes something from it. */
function debianFolder(folder: string, dockerfile: string): string {
  const root = join(folder, 'debian')
  const words = dockerfile.match(/\/(?:usr|etc)\/[\w.*/+-]+/g)!.filter((path) => !path.startsWith('/usr/local'))
  execFileSync('/bin/sh', [
    '-c',
    `mkdir ${root} && cp -RP --parents ${[...new Set(words)].join(' ')} ${root} 2>/dev/null; true`,
  ])
  for (const name of ['bin', 'lib', 'lib64', 'sbin'])
    if (lstatSync(`/${name}`).isSymbolicLink()) symlinkSync(`usr/${name}`, join(root, name))
  return root
}

const isDebian = process.arch === 'x64' && existsSync('/etc/debian_version') && lstatSync('/bin').isSymbolicLink()

test.runIf(unlessMissing(isDebian, 'this is no Debian on amd64'))(
  'image: the image of tare has what it starts with, and weighs less than 200 MB',
  () => {
    const folder = temporaryFolder()
    const source = join(checkout, 'examples/image/Dockerfile')
    const modules = join(folder, 'context/node_modules')
    mkdirSync(join(modules, 'tare'), { recursive: true })
    for (const name of ['bin', 'dist', 'package.json'])
      cpSync(join(checkout, name), join(modules, 'tare', name), { recursive: true })
    mkdirSync(join(folder, 'node/package/bin'), { recursive: true })
    copyFileSync(process.execPath, join(folder, 'node/package/bin/node'))
    const debian = debianFolder(folder, readFileSync(source, 'utf8'))
    const program = join(checkout, 'bin/tare.js')
    const tare = (...args: readonly string[]) => run(program, args, { TARE_HOME: join(folder, 'home') })
    for (const target of ['tare', 'debug']) {
      const contexts = [`debian:bookworm-slim=${debian}`, `node-amd64=${join(folder, 'node')}`]
      tare(
        ...['build', '-q', '--platform=linux/amd64', '--target', target, '-t', target, '-f', source],
        ...contexts.flatMap((context) => ['--build-context', context]),
        join(folder, 'context'),
      )
      const { Config, Size } = JSON.parse(tare('inspect', target))[0]
      expect(Size).toBeLessThan(200e6)
      expect(Config).toMatchObject({
        ...(target === 'tare' ? { Entrypoint: ['/usr/local/bin/tare'] } : { Cmd: ['/bin/bash'] }),
        WorkingDir: '/workspace',
      })
      expect(tare('image', 'cat', target, '/kaniko/executor')).toContain('tare.js kaniko "$@"')
      const missing = JSON.parse(
        spawnSync(process.execPath, [program, 'check', '--json', target], {
          env: { ...process.env, TARE_HOME: join(folder, 'home') },
          encoding: 'utf8',
        }).stdout,
      )
      expect(JSON.stringify(missing)).not.toMatch(/lib[a-z+-]+\.so/)
    }
  },
  120_000,
)
