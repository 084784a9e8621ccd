import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry } from '../../../../test/kit/bad-registry.ts'
import { callTare } from '../../../../test/kit/call-tare.ts'
import { program, start, temporaryFolder, writeFiles } from '../../../../test/kit/cli.ts'

import { serve } from '../../../../test/kit/serve.ts'
import { tarOf } from '../../../../test/kit/tiny-archive.ts'
import { tinyTar } from '../../../../test/kit/tiny-image.ts'
import { kanikoAccepted, kanikoDone, kanikoRefused } from './kaniko-flags.ts'
import { registriesConf } from './registries.ts'

async function bench() {
  const registry = await BadRegistry.start()
  onTestFinished(() => registry.stop())
  const folder = temporaryFolder()
  const dockerfile = 'FROM scratch\nARG A=none\nLABEL a=$A\nCOPY f /f\n'
  writeFiles(folder, {
    'w/Dockerfile': dockerfile,
    'w/f': 'f',
    'w/sub/Dockerfile': 'FROM scratch AS one\nCOPY g /g\nFROM scratch\n',
    'w/sub/g': 'g',
  })
  const run = (
    args: readonly string[],
    { as, ...more }: { env?: Record<string, string>; input?: Uint8Array; as?: string } = {},
  ) => {
    const options = { home: join(folder, 'home'), cwd: folder, ...more }
    return as === undefined
      ? callTare(['kaniko', ...args], options)
      : start([process.execPath, as, ...args], options).outcome
  }
  const config = (tag: string) => {
    const { config: blob } = JSON.parse(registry.manifests.get(tag)!.bytes.toString())
    return JSON.parse(registry.blobs.get(blob.digest)!.toString())
  }
  return { registry, folder, run, config, app: `${registry.host}/team/app` }
}

const context = ['--context', 'dir://w']

/** A value for each flag that is done or accepted, and what must be so afterwards. */
const rows: Readonly<Record<string, readonly string[]>> = {
  'build-arg': ['A=b'],
  'cache-repo': ['oci:cache'],
  'cache-dir': ['/cache'],
  'cache-ttl': ['336h'],
  compression: ['gzip'],
  'compression-level': ['6'],
  context: ['w'],
  'context-sub-path': ['sub'],
  'credential-helpers': [''],
  'custom-platform': ['linux/arm64'],
  destination: [],
  'digest-file': ['digest'],
  dockerfile: ['w/Dockerfile'],
  git: ['branch=main,single-branch=true'],
  'ignore-path': ['/product_uuid'],
  'image-download-retry': ['3'],
  'image-fs-extract-retry': ['3'],
  'image-name-tag-with-digest-file': ['tagged'],
  'image-name-with-digest-file': ['named'],
  'insecure-registry': ['insecure.example'],
  'kaniko-dir': ['elsewhere'],
  label: ['x=y'],
  'log-format': ['json'],
  'oci-layout-path': ['layout'],
  'push-retry': ['3'],
  'registry-map': ['docker.io=mirror.example;other.example'],
  'registry-mirror': ['mirror.example'],
  'skip-tls-verify-registry': ['skip.example'],
  'snapshot-mode': ['redo'],
  'tar-path': ['image.tar'],
  target: [],
  verbosity: ['debug'],
}

test.each(Object.keys({ ...kanikoDone, ...kanikoAccepted }))('--%s is taken, and an image is pushed', async (name) => {
  const at = await bench()
  const { type } = { ...kanikoDone, ...kanikoAccepted }[name as keyof typeof kanikoDone]
  const given = type === 'bool' ? [`--${name}`] : (rows[name] ?? []).flatMap((value) => [`--${name}`, value])
  expect(type === 'bool' || rows[name] !== undefined, `a value for ${name}`).toBe(true)
  const { code, err } = await at.run([...(name === 'context' ? [] : context), '-d', `${at.app}:1`, ...given])
  expect(code, err).toBe(0)
  expect(at.registry.manifests.has('1')).toBe(name !== 'no-push')
})

test.each(Object.entries(kanikoRefused))('--%s is refused by name, and nothing is pushed', async (name, flag) => {
  const at = await bench()
  const value = flag.type === 'bool' ? [`--${name}`] : [`--${name}`, 'x']
  const { code, err } = await at.run([...context, '-d', `${at.app}:1`, ...value])
  expect(code).toBe(125)
  expect(err).toContain(`--${name} is not supported`)
  expect(err).toContain(flag.refused)
  expect(at.registry.requests).toEqual([])
})

test('docs/kaniko.md has a row for each flag, with what becomes of it', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/kaniko.md'), 'utf8')
  const told = [...page.matchAll(/^\| `--([\w-]+)`[^|]* \| (done|accepted|refused) \|/gm)].map(
    ([, name, what]) => `${name} ${what}`,
  )
  const meant = [
    ...Object.keys(kanikoDone).map((name) => `${name} done`),
    ...Object.keys(kanikoAccepted).map((name) => `${name} accepted`),
    ...Object.keys(kanikoRefused).map((name) => `${name} refused`),
  ]
  expect(told.sort()).toEqual(meant.sort())
})

test('what is done is done: arguments, labels, platform, files with digests, archives', async () => {
  const at = await bench()
  const { code, err } = await at.run([
    ...[...context, '-d', `${at.app}:1`, '-d', `${at.app}:2`, '--build-arg', 'A=b', '--label', 'x=y,z'],
    ...['--custom-platform=linux/arm64', '--digest-file=d', '--image-name-with-digest-file=n', '--reproducible'],
    ...['--image-name-tag-with-digest-file=t', '--tar-path=i.tar', '--oci-layout-path=l', '--verbosity=info'],
  ])
  expect(code, err).toBe(0)
  expect(at.config('1')).toMatchObject({ architecture: 'arm64', config: { Labels: { a: 'b', x: 'y,z' } } })
  expect(at.config('2').created).toBe('1970-01-01T00:00:00Z')
  const digest = readFileSync(join(at.folder, 'd'), 'utf8')
  expect(at.registry.manifests.has(digest)).toBe(true)
  expect(readFileSync(join(at.folder, 'n'), 'utf8')).toBe(`${at.app}@${digest}\n`.repeat(2))
  expect(readFileSync(join(at.folder, 't'), 'utf8')).toBe(`${at.app}:1@${digest}\n${at.app}:2@${digest}\n`)
  expect(existsSync(join(at.folder, 'l/oci-layout')) && existsSync(join(at.folder, 'i.tar'))).toBe(true)
})

test('--single-snapshot makes one layer of all steps', async () => {
  const at = await bench()
  writeFiles(at.folder, { 'w/Dockerfile': 'FROM scratch\nCOPY f /f\nCOPY f /g\n' })
  for (const [tag, flags] of [
    ['many', []],
    ['one', ['--single-snapshot']],
  ] as const)
    expect((await at.run([...context, '-d', `${at.app}:${tag}`, ...flags])).code).toBe(0)
  expect(at.config('many').rootfs.diff_ids).toHaveLength(2)
  expect(at.config('one').rootfs.diff_ids).toHaveLength(1)
})

test('contexts are folders, tars, standard input and parts of them; those of clouds are refused by name', async () => {
  const at = await bench()
  const dockerfile = tinyTar('Dockerfile', 'FROM scratch\nLABEL from=tar\n')
  writeFileSync(join(at.folder, 'c.tar'), dockerfile)
  const to = ['-d', `${at.app}:1`]
  expect((await at.run(['--context', 'tar://c.tar', ...to])).code).toBe(0)
  expect(at.config('1').config.Labels).toEqual({ from: 'tar' })
  expect((await at.run(['-c', 'tar://stdin', ...to], { input: dockerfile })).code).toBe(0)
  expect((await at.run(['-c', 'w', '--context-sub-path=sub', '--target=one', ...to])).code).toBe(0)
  expect(at.config('1').rootfs.diff_ids).toHaveLength(1)
  for (const [address, name] of [
    ['s3://bucket/x.tar.gz', 'S3'],
    ['gs://bucket/x.tar.gz', 'Google Cloud Storage'],
    ['https://acc.blob.core.windows.net/c/x.tar.gz', 'Azure Blob Storage'],
  ] as const) {
    const { code, err } = await at.run(['--context', address, ...to])
    expect(code).toBe(1)
    expect(err).toContain(`contexts in ${name} are not supported`)
  }
  expect((await at.run(context)).err).toContain('you must provide --destination, or use --no-push')
  expect((await at.run([...context, '--no-push'])).code).toBe(0)
})

test('a part of an archive is the context: its Dockerfile, its files and nothing else', async () => {
  const at = await bench()
  const archive = tarOf({
    ...{ Dockerfile: 'FROM scratch\nLABEL from=root\n', other: 'o' },
    'a/b/Dockerfile': 'FROM scratch\nLABEL from=part\nCOPY . /\n',
    ...{ 'a/b/g': 'g', link: { symlink: 'a/b' }, out: { symlink: '../../etc' } },
  })
  writeFileSync(join(at.folder, 'c.tar'), archive)
  const url = await serve((_, response) => response.end(archive))
  const to = ['-d', `${at.app}:1`]
  const layers = new Set<string>()
  for (const [from, sub] of [
    ['tar://c.tar', 'a/b'],
    ['tar://stdin', './a/b/'],
    ['tar://c.tar', '/link'],
    [`${url}/c.tar.gz`, 'a/b'],
  ] as const) {
    const made = await at.run(['-c', from, '--context-sub-path', sub, ...to], { input: archive })
    expect(made.code, `${from} ${sub}\n${made.err}`).toBe(0)
    expect(at.config('1').config.Labels).toEqual({ from: 'part' })
    for (const diffId of at.config('1').rootfs.diff_ids) layers.add(diffId)
  }
  expect(layers.size).toBe(1)
  const count = at.registry.requests.length
  for (const [sub, message] of [
    ['a/c', '"a/c" is no folder of the archive: it is not there'],
    ['other', '"other" is no folder of the archive: it is a file'],
    ['out', '"out" is no folder of the archive: it is not there'],
  ] as const) {
    const { code, err } = await at.run(['-c', 'tar://c.tar', '--context-sub-path', sub, ...to])
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining(message) })
  }
  const text = await at.run(['-c', 'tar://stdin', '--context-sub-path', 'a', ...to], {
    input: Buffer.from('FROM scratch\n'),
  })
  expect(text.err).toContain('"a" is no folder of the archive: that is a Dockerfile alone')
  expect(at.registry.requests).toHaveLength(count)
})

test.each([
  [['--compression=lzma'], 'invalid --compression "lzma"'],
  [['--log-format=xml'], 'invalid --log-format "xml"'],
  [['-v', 'loud'], 'invalid --verbosity "loud"'],
  [['--snapshot-mode', 'none'], 'invalid --snapshot-mode "none"'],
  [['--context', 'ftp://host/c.tar'], '--context ftp://host/c.tar: this kind of context is not known'],
  [['build'], 'accepts no arguments'],
])('%j is an error, and nothing is built', async (args, message) => {
  const at = await bench()
  const { code, err } = await at.run([...context, '-d', `${at.app}:1`, ...args])
  expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining(message) })
  expect(at.registry.requests).toEqual([])
})

test('values are taken as kaniko takes them, and `version` tells both versions', async () => {
  const at = await bench()
  const values = ['-v', 'WARNING', '--log-format=color', '--snapshotMode=time', '--compression=']
  const { code, err } = await at.run([...context, '-d', `${at.app}:1`, ...values])
  expect(code, err).toBe(0)
  expect((await at.run(['version'])).out).toMatch(/^Kaniko version : {2}v1\.24\.0 \(tare \d/)
})

test('files with digests get their folders, and what cannot be written is told before the build', async () => {
  const at = await bench()
  const to = ['-d', `${at.app}:1`]
  const made = await at.run([...context, ...to, '--digest-file=new/deep/d', '--insecure-pull=false'])
  expect(made.code, made.err).toBe(0)
  expect(readFileSync(join(at.folder, 'new/deep/d'), 'utf8')).toMatch(/^sha256:[0-9a-f]{64}$/)
  const count = at.registry.requests.length
  for (const [value, message] of [
    ['w', 'cannot write w: it is a directory'],
    ['w/f/d', 'cannot write w/f/d: '],
    ['https://host/d', '--image-name-with-digest-file https://host/d is not supported'],
  ] as const) {
    const { code, err } = await at.run([...context, ...to, '--image-name-with-digest-file', value])
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining(message) })
  }
  expect(at.registry.requests).toHaveLength(count)
})

test('--cache leaves results in DESTINATION/cache, where another store finds them', async () => {
  const at = await bench()
  const args = [...context, '--cache=true', '-d', `${at.app}:1`]
  expect((await at.run(args)).code).toBe(0)
  expect(at.registry.requests.some((line) => line.startsWith('PUT /v2/team/app/cache/manifests/'))).toBe(true)
  const again = await start([process.execPath, program, 'kaniko', ...args], {
    home: join(at.folder, 'other'),
    cwd: at.folder,
  }).outcome
  expect(again.code, again.err).toBe(0)
  expect(again.err).toContain('CACHED')
  const count = at.registry.countOf('PUT /v2/team/app/cache')
  expect((await at.run([...args, '--no-push-cache'])).code).toBe(0)
  expect(at.registry.countOf('PUT /v2/team/app/cache')).toBe(count)
})

test('as executor it needs no verb, and finds the logins of kaniko’s folder', async () => {
  const at = await bench()
  const executor = join(at.folder, 'executor')
  symlinkSync(program, executor)
  mkdirSync(join(at.folder, 'k/.docker'), { recursive: true })
  const closed = await BadRegistry.start({ auth: 'basic' })
  onTestFinished(() => closed.stop())
  const auth = Buffer.from('ada:secret').toString('base64')
  writeFileSync(join(at.folder, 'k/.docker/config.json'), JSON.stringify({ auths: { [closed.host]: { auth } } }))
  const args = [...context, '-d', `${closed.host}/app:1`]
  const env = { HOME: join(at.folder, 'nobody') }
  expect((await at.run(args, { as: executor, env })).code).not.toBe(0)
  const found = await at.run([...args, '--kaniko-dir', join(at.folder, 'k')], { as: executor, env })
  expect(found.code, found.err).toBe(0)
  expect(closed.manifests.has('1')).toBe(true)
})

test('mirrors, maps and insecure registries become rules', () => {
  const none = { maps: [], mirrors: [], insecure: [], mirrorsOnly: false }
  expect(registriesConf(none)).toBeUndefined()
  const text = registriesConf({
    ...none,
    maps: ['gcr.io=a.example;b.example/x'],
    mirrors: ['m.example'],
    insecure: ['m.example'],
  })
  expect(text).toBe(`[[registry]]
prefix = "docker.io"
location = "docker.io"
insecure = false
[[registry.mirror]]
location = "m.example"
insecure = true
[[registry]]
prefix = "gcr.io"
location = "gcr.io"
insecure = false
[[registry.mirror]]
location = "a.example"
insecure = false
[[registry.mirror]]
location = "b.example/x"
insecure = false
[[registry]]
prefix = "m.example"
location = "m.example"
insecure = true
`)
  expect(registriesConf({ ...none, mirrors: ['m.example'], mirrorsOnly: true })).toContain('location = "m.example"')
  expect(() => registriesConf({ ...none, maps: ['docker.io'] })).toThrow('invalid registry map')
  expect(() => registriesConf({ ...none, mirrors: ['a"\nb'] })).toThrow('invalid registry')
})
