import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry } from '../../../test/kit/bad-registry.ts'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { hasGit, Repositories } from '../../../test/kit/git.ts'
import { serve } from '../../../test/kit/serve.ts'
import { tarOf } from '../../../test/kit/tiny-archive.ts'
import type { BuildOptions, BuildOutput } from '../../api/index.ts'
import { createHost } from '../../images/index.ts'
import { flow } from '../../support/index.ts'
import { tareOf } from '../library.ts'

const secret = 'correct horse battery staple'

function bench(text = 'FROM scratch\nARG VERSION\nCOPY f /\nCOPY d /d/\nCMD ["/f"]\n') {
  const folder = temporaryFolder()
  const context = writeFiles(join(folder, 'context'), { f: 'hi\n', 'd/x': 'x\n' })
  const tare = tareOf(createHost({ home: join(folder, 'home'), environment: {} }))
  const warnings: string[] = []
  const build = (outputs: readonly BuildOutput[], more: Partial<BuildOptions> = {}) =>
    tare.build({
      context: { kind: 'directory', path: context },
      dockerfile: { text },
      provenance: true,
      sbom: true,
      outputs,
      report: (event) => {
        if (event.type === 'warning') warnings.push(event.rule)
      },
      ...more,
    })
  const path = (name: string) => join(folder, name)
  const json = (name: string) => JSON.parse(readFileSync(path(name), 'utf8'))
  const blob = (layout: string, digest: string) => json(`${layout}/blobs/sha256/${digest.slice(7)}`)
  return { tare, build, warnings, path, json, blob }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

test('files have their statements beside them, about the image of each platform and about each file', async () => {
  const { build, json, path } = bench()
  const { digest } = await build([{ kind: 'local', path: path('out') }])
  expect(json('out/provenance.json')).toMatchObject({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      { name: '_', digest: { sha256: digest.slice(7) } },
      { name: 'd/x', digest: { sha256: sha256('x\n') } },
      { name: 'f', digest: { sha256: sha256('hi\n') } },
    ],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: { buildDefinition: { resolvedDependencies: [] } },
  })
  const { predicate, predicateType } = json('out/sbom.spdx.json')
  expect(predicateType).toBe('https://spdx.dev/Document')
  expect(predicate.spdxVersion).toBe('SPDX-2.3')
  expect(predicate.files.map((file: { fileName: string }) => file.fileName)).toEqual(
    ['/d/x', '/f'].map((name) => `.${name}`),
  )
  const platforms = ['linux/amd64', 'linux/arm64']
  await build([{ kind: 'local', path: path('two'), attestationPrefix: 'a-' }], { platforms, tags: ['app:1'] })
  expect(json('two/linux_arm64/a-provenance.json').subject.map(({ name }: { name: string }) => name)).toEqual([
    ...['pkg:docker/app@1?platform=linux%2Farm64', 'd/x', 'f'],
  ])
  const named = { sbom: false, provenance: { file: 'p.json' } } as const
  await build([{ kind: 'local', path: path('one'), platformSplit: false }], {
    ...named,
    ...{ platforms, dockerfile: { text: 'FROM scratch\nARG TARGETARCH\nCOPY f /$TARGETARCH\n' } },
  })
  expect(json('one/p.linux_arm64.json').subject.map(({ name }: { name: string }) => name)).toEqual(['_', 'arm64'])
})

test('files of a base are told by what is in them, under each of their names', async () => {
  const { build, json, path, tare } = bench('FROM base\nCOPY f /own\n')
  const members = {
    'etc/hosts': 'h',
    'etc/link': { symlink: 'hosts' },
    'etc/again': { hardlink: 'etc/hosts' },
    empty: '',
  }
  await tare.images.import({ from: { bytes: flow(tarOf(members)) }, name: 'base' })
  await build([{ kind: 'local', path: path('out') }], { sbom: false })
  expect(json('out/provenance.json').subject.slice(1)).toEqual(
    Object.entries({ empty: '', 'etc/again': 'h', 'etc/hosts': 'h', own: 'hi\n' }).map(([name, text]) => ({
      name,
      digest: { sha256: sha256(text) },
    })),
  )
})

test('a file of the image is not replaced by a statement about it', async () => {
  const { build, path } = bench('FROM scratch\nCOPY f /provenance.json\n')
  for (const output of [
    { kind: 'local', path: path('out') },
    { kind: 'tar', to: { path: path('a.tar') } },
  ] as const)
    await expect(build([output])).rejects.toMatchObject({ code: 'OUTPUT_INVALID' })
  await build([{ kind: 'local', path: path('out'), attestationPrefix: 'x-' }])
  expect(readFileSync(path('out/provenance.json'), 'utf8')).toBe('hi\n')
})

test('min names no build arguments and no secrets, max does, with the Dockerfile and the layers', async () => {
  const { build, json, path } = bench()
  const options = { buildArgs: { VERSION: '1.2.3' }, labels: { l: 'v' }, secrets: [{ id: 'token', value: secret }] }
  await build([{ kind: 'local', path: path('min') }], { ...options, provenance: { mode: 'min' } })
  const min = readFileSync(path('min/provenance.json'), 'utf8')
  expect(min).not.toMatch(/VERSION|1\.2\.3|token|COPY/)
  await build([{ kind: 'local', path: path('max') }], { ...options, provenance: { builderId: 'https://ci.example' } })
  const { buildDefinition, runDetails } = json('max/provenance.json').predicate
  expect(buildDefinition.externalParameters).toEqual({
    configSource: { path: 'Dockerfile' },
    request: {
      frontend: 'dockerfile.v0',
      args: { platform: 'linux/amd64', 'build-arg:VERSION': '1.2.3', 'label:l': 'v' },
      secrets: [{ id: 'token' }],
    },
  })
  expect(runDetails.builder.id).toBe('https://ci.example')
  expect(runDetails.metadata.tare_source.text).toContain('COPY d /d/')
  expect(runDetails.metadata.tare_layers.map(({ step, line }: { step: string; line: number }) => [step, line])).toEqual(
    [
      ['[1/2] COPY f /', 3],
      ['[2/2] COPY d /d/', 4],
    ],
  )
})

test('no statement has the value of a secret, or a password of an address', async () => {
  const { build, path } = bench(
    `# ${secret}\nFROM scratch\nARG A\nARG URL\nCOPY f /\n# https://u:hunter2@example.com/x?token=abcdef\n`,
  )
  await build([{ kind: 'local', path: path('out') }], {
    secrets: [{ id: 'token', value: `${secret}\n` }],
    buildArgs: {
      A: `x${secret}y`,
      URL: 'http://user:hunter2@h/?sig=abcdef&page=2',
      HTTP_PROXY: 'http://p:hunter2@proxy',
    },
    labels: { [secret]: secret },
    secretLeak: 'allow',
  })
  const text = readFileSync(path('out/provenance.json'), 'utf8')
  for (const hidden of [secret, 'hunter2', 'abcdef', 'proxy']) expect(text).not.toContain(hidden)
  expect(text).toContain('http://h/?sig=xxxxx\\u0026page=2')
})

test('what a build takes from elsewhere is named with its digest', async () => {
  const { tare, path, json } = bench()
  const registry = await BadRegistry.start()
  onTestFinished(() => registry.stop())
  await tare.build({
    context: { kind: 'empty' },
    dockerfile: { text: 'FROM scratch\nLABEL a=b\n' },
    outputs: [{ kind: 'image', names: [`${registry.host}/base:1`], push: true, store: false }],
  })
  const url = await serve((_, response) => response.end('body'))
  const { host } = new URL(url)
  mkdirSync(path('c'))
  const text = `FROM ${registry.host}/base:1\nADD http://user:hunter2@${host}/file?token=x /\n`
  writeFileSync(path('c/Dockerfile'), text)
  await tare.build({
    context: { kind: 'directory', path: path('c') },
    provenance: true,
    outputs: [{ kind: 'local', path: path('out') }],
  })
  const { resolvedDependencies } = json('out/provenance.json').predicate.buildDefinition
  const digest = await tare.registry.digest({ name: `${registry.host}/base:1` })
  expect(resolvedDependencies).toEqual([
    {
      uri: `pkg:docker/${registry.host.replace(':', '%3A')}/base@1?platform=linux%2Famd64`,
      digest: { sha256: digest.slice(7) },
    },
    {
      uri: `http://${host}/file?token=xxxxx`,
      digest: { sha256: '230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5' },
    },
  ])
})

test('bases are named as BuildKit names them, wherever they are found', async () => {
  const { tare, path, json } = bench()
  const base = { context: { kind: 'empty' }, dockerfile: { text: 'FROM scratch\nLABEL a=b\n' } } as const
  const tags = ['stored', 'localhost:5000/team/other:2']
  const { digest } = await tare.build({ ...base, tags })
  await tare.build({
    ...base,
    outputs: [{ kind: 'archive', layout: 'oci', folder: true, to: { path: path('layout') }, names: ['x:1'] }],
  })
  const [{ digest: inLayout }] = json('layout/index.json').manifests
  const from = ['stored', tags[1]!, `other@${digest}`, 'al', 'ol', 'ol:3'].map(
    (name, i) => `FROM ${name} AS s${i}\nLABEL l=${i}\n`,
  )
  const uris: string[] = []
  for (const line of from) {
    await tare.build({
      context: { kind: 'empty' },
      dockerfile: { text: line },
      provenance: true,
      platforms: ['linux/amd64'],
      contexts: {
        al: { kind: 'image', name: 'stored' },
        [`other@${digest}`]: { kind: 'image', name: `stored@${digest}` },
        ol: { kind: 'layout', path: path('layout') },
        'ol:3': { kind: 'layout', path: path('layout'), tag: '1' },
      },
      outputs: [{ kind: 'local', path: path('out'), mode: 'delete' }],
    })
    const [one] = json('out/provenance.json').predicate.buildDefinition.resolvedDependencies
    uris.push(`${one.uri} ${one.digest.sha256}`)
  }
  const hex = digest.slice(7)
  const end = 'platform=linux%2Famd64'
  expect(uris).toEqual([
    `pkg:docker/stored@latest?${end} ${hex}`,
    `pkg:docker/localhost%3A5000/team/other@2?${end} ${hex}`,
    `pkg:docker/stored?digest=${digest}&${end} ${hex}`,
    `pkg:docker/stored@latest?${end} ${hex}`,
    `pkg:oci/ol?digest=${inLayout}&${end} ${inLayout.slice(7)}`,
    `pkg:oci/ol@3?digest=${inLayout}&${end} ${inLayout.slice(7)}`,
  ])
})

test.skipIf(!hasGit)('a commit is named by its hash, as the context and as a source of ADD', async () => {
  const { tare, path, json } = bench()
  const repositories = new Repositories()
  const own = repositories.commit('own', { Dockerfile: 'FROM scratch\nADD URL/other.git /o\n' })
  const { url } = await repositories.web('smart')
  const [commit, other] = [
    repositories.commit('own', { Dockerfile: `FROM scratch\nADD ${url}/other.git /o\n` }),
    repositories.commit('other', { x: '1' }),
  ]
  expect(own).not.toBe(commit)
  await tare.build({
    context: { kind: 'remote', address: `${url}/own.git#main` },
    provenance: { mode: 'min' },
    outputs: [{ kind: 'local', path: path('out') }],
  })
  const { externalParameters, resolvedDependencies } = json('out/provenance.json').predicate.buildDefinition
  const context = { uri: `${url}/own.git#main`, digest: { sha1: commit } }
  expect(externalParameters.configSource).toEqual({ ...context, path: 'Dockerfile' })
  expect(resolvedDependencies).toEqual([context, { uri: `${url}/other.git`, digest: { sha1: other } }])
})

test.each([
  [{}, 'try attestation-inline=true'],
  [{ attestationInline: true }, 'build without --sbom'],
])('a registry that refuses statements (%j) is told as that, and nothing is named', async (form, remedy) => {
  const { build } = bench()
  const registry = await BadRegistry.start({
    interfere: (request, response, { blobs }) => {
      const isAfter = [...blobs.values()].some((blob) => blob.includes('in-toto.io/Statement'))
      if (request.method !== 'PUT' || !request.url!.includes('/manifests/') || !isAfter) return
      request.resume().on('end', () => response.writeHead(415).end())
      return true
    },
  })
  onTestFinished(() => registry.stop())
  const failing = build([{ kind: 'image', push: true, names: [`${registry.host}/app:1`], ...form }])
  await expect(failing).rejects.toMatchObject({
    code: 'MANIFEST_REFUSED',
    message: expect.stringContaining('the attestations are refused: '),
    remedy: expect.stringContaining(remedy),
  })
  expect([...registry.manifests.keys()].filter((name) => !name.startsWith('sha256:'))).toEqual([])
})

const fallbacks = [[false], [true]] as const
test.each(fallbacks)(
  'a push attaches statements to each platform’s manifest (without the referrers API: %s)',
  async (without) => {
    const { build, tare } = bench()
    const registry = await BadRegistry.start(without ? {} : { referrers: { page: 100, filters: true } })
    onTestFinished(() => registry.stop())
    const name = `${registry.host}/app:1`
    const output: BuildOutput = { kind: 'image', push: true, names: [name] }
    const plain = await build([output], { provenance: false, sbom: false })
    const { outputs, id } = await build([output])
    expect(id).toBe(plain.id)
    const [pushed, before] = [outputs, plain.outputs].map((all) => all.find(({ kind }) => kind === 'push')!.digest)
    expect(pushed).toBe(before)
    const found = await tare.registry.referrers({ name })
    expect(
      found.map(({ artifactType, annotations }) => [artifactType, annotations['in-toto.io/predicate-type']]).sort(),
    ).toEqual([
      ['application/vnd.in-toto+json', 'https://slsa.dev/provenance/v1'],
      ['application/vnd.in-toto+json', 'https://spdx.dev/Document'],
    ])
    const manifest = JSON.parse(await tare.registry.manifest({ name: `${registry.host}/app@${found[0]!.digest}` }))
    expect(manifest.subject.digest).toBe(pushed)
    // `oras pull` writes only what has a name.
    expect(['provenance.json', 'sbom.spdx.json']).toContain(
      manifest.layers[0].annotations['org.opencontainers.image.title'],
    )
    const platforms = ['linux/amd64', 'linux/arm64']
    const second = await BadRegistry.start(without ? {} : { referrers: { page: 100, filters: true } })
    onTestFinished(() => second.stop())
    const both = `${second.host}/both:1`
    await build([{ ...output, names: [both] }], { platforms })
    const index = JSON.parse(await tare.registry.manifest({ name: both }))
    expect(index.manifests).toHaveLength(2)
    expect(await tare.registry.referrers({ name: both })).toEqual([])
    expect(await tare.registry.referrers({ name: both, platform: 'linux/arm64' })).toHaveLength(2)
    await expect(tare.registry.referrers({ name: both, platform: 'linux/s390x' })).rejects.toMatchObject({
      code: 'PLATFORM_MISSING',
    })
    for (const { digest } of index.manifests)
      expect(await tare.registry.referrers({ name: `${second.host}/both@${digest}` })).toHaveLength(2)
  },
)

test.each([[false], [true]])(
  'in an index, statements stand beside the images as BuildKit has them (as artifacts: %s)',
  async (artifact) => {
    const { build, blob, json, path } = bench()
    const form = { attestationInline: true, attestationArtifact: artifact }
    const plain = await build([{ kind: 'image', names: ['app'] }], { provenance: false, sbom: false })
    const { id } = await build([
      { kind: 'archive', layout: 'oci', folder: true, to: { path: path('a') }, names: ['app:1'], ...form },
    ])
    expect(id).toBe(plain.id)
    const [root] = json('a/index.json').manifests
    const index = blob('a', root.digest)
    expect(
      index.manifests.map(({ digest, platform }: { digest: string; platform: object }) => [
        digest === plain.digest,
        platform,
      ]),
    ).toEqual([
      [true, { architecture: 'amd64', os: 'linux' }],
      [false, { architecture: 'unknown', os: 'unknown' }],
    ])
    expect(index.manifests[1].annotations).toEqual({
      'vnd.docker.reference.digest': plain.digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    })
    const manifest = blob('a', index.manifests[1].digest)
    expect(
      manifest.layers.map((layer: { mediaType: string; annotations: object }) => [layer.mediaType, layer.annotations]),
    ).toEqual([
      ['application/vnd.in-toto+json', { 'in-toto.io/predicate-type': 'https://spdx.dev/Document' }],
      ['application/vnd.in-toto+json', { 'in-toto.io/predicate-type': 'https://slsa.dev/provenance/v1' }],
    ])
    if (artifact) {
      expect(manifest).toMatchObject({
        artifactType: 'application/vnd.docker.attestation.manifest.v1+json',
        subject: { digest: plain.digest },
      })
    } else {
      const config = blob('a', manifest.config.digest)
      expect(config.rootfs.diff_ids).toEqual(manifest.layers.map((layer: { digest: string }) => layer.digest))
      expect(config.os).toBe('unknown')
    }
    expect(blob('a', manifest.layers[1].digest).subject[0].digest.sha256).toBe(plain.digest.slice(7))
  },
)

test('an image with statements in its index is loaded and pulled as the image', async () => {
  const { build, path, tare } = bench()
  const registry = await BadRegistry.start()
  onTestFinished(() => registry.stop())
  const name = `${registry.host}/app:1`
  const { id } = await build([
    { kind: 'archive', layout: 'oci', to: { path: path('a.tar') }, names: ['app:1'], attestationInline: true },
    { kind: 'image', push: true, names: [name], attestationInline: true },
  ])
  const other = tareOf(createHost({ home: path('other'), environment: {} }))
  expect((await other.images.load({ from: { path: path('a.tar') } })).map((one) => one.id)).toEqual([id])
  expect((await other.registry.pull({ name })).id).toBe(id)
  expect(JSON.parse(await tare.registry.manifest({ name })).manifests).toHaveLength(2)
})

test('with an epoch, a build has the same statements each time', async () => {
  const { build, path } = bench()
  const environment = { SOURCE_DATE_EPOCH: '1600000000' }
  const output = (to: string): BuildOutput => ({
    kind: 'archive',
    layout: 'oci',
    to: { path: path(to) },
    names: ['a'],
    attestationInline: true,
  })
  await build([output('a')], { environment, rewriteTimestamp: true })
  await build([output('b')], { environment, rewriteTimestamp: true, noCache: true })
  expect(readFileSync(path('a')).equals(readFileSync(path('b')))).toBe(true)
})

test('where nothing has room for statements, that is a warning', async () => {
  const { build, warnings, path } = bench()
  await build([{ kind: 'image', names: ['app'] }])
  await build([{ kind: 'archive', layout: 'docker', to: { path: path('a.tar') } }])
  await build([{ kind: 'archive', layout: 'oci', format: 'docker', to: { path: path('b.tar') } }])
  expect(warnings).toEqual(Array.from({ length: 3 }, () => 'AttestationsUnheld'))
  await build([{ kind: 'local', path: path('out') }], { sbom: { inlineOnly: true }, provenance: false })
  expect(warnings).toHaveLength(4)
})

test('an annotation of the manifest’s descriptor is where that descriptor is: in the index with the statements', async () => {
  const { build, path, json, blob } = bench()
  const output = { kind: 'archive', layout: 'oci', folder: true, names: ['app:1'] } as const
  const annotations = [{ key: 'k', value: 'v', on: 'manifest-descriptor' }] as const
  await build([{ ...output, to: { path: path('a') }, attestationInline: true }], { annotations })
  await build([{ ...output, to: { path: path('b') } }], { annotations, sbom: false, provenance: false })
  const [index] = json('a/index.json').manifests
  expect(index.annotations).not.toHaveProperty('k')
  expect(blob('a', index.digest).manifests[0].annotations).toEqual({ k: 'v' })
  expect(json('b/index.json').manifests[0].annotations).toHaveProperty('k', 'v')
})

test.each<[Partial<BuildOptions>]>([
  [{ sbom: { file: 'provenance.json' } }],
  [{ sbom: { file: 'x' }, provenance: { file: 'x' } }],
  [{ sbom: { file: '.' } }],
])('statements need a file each: %j', async (more) => {
  await expect(bench().build([{ kind: 'local', path: 'a' }], more)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
})

test.each<[BuildOutput]>([
  [{ kind: 'image', attestationInline: true }],
  [{ kind: 'archive', layout: 'docker', to: { path: 'a' }, attestationInline: true }],
  [{ kind: 'archive', layout: 'oci', format: 'docker', to: { path: 'a' }, attestationInline: true }],
  [{ kind: 'local', path: 'a', attestationPrefix: '../x' }],
])('%j is refused', async (output) => {
  await expect(bench().build([output])).rejects.toMatchObject({ code: 'OUTPUT_INVALID' })
})
