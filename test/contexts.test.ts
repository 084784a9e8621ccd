import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openQuickBench } from './kit/call-tare.ts'
import { faultsOf } from './kit/check-store.ts'
import { filesOf } from './kit/files-of.ts'
import { hasGitDaemon, Repositories } from './kit/git.ts'
import { hasProgram } from './kit/needs.ts'

// Where a build's files come from, and the flags that say how it is done: as docker's.

const copyAll = 'FROM scratch\nCOPY . /\n'

describe('a context on standard input', () => {
  // It is taken whole: who packs it has chosen, and .dockerignore is for folders.
  const files = { Dockerfile: copyAll, 'a/b': 'b', '.dockerignore': 'a\n' }

  for (const [name, program] of [
    ['plain', undefined],
    ['gzip', 'gzip'],
    ['zstd', 'zstd'],
    ['xz', 'xz'],
    ['bzip2', 'bzip2'],
  ] as const)
    test.skipIf(program !== undefined && !hasProgram(program))(`may be a tar (${name})`, async () => {
      const bench = openQuickBench(files)
      const tar = execFileSync('tar', ['-cf', '-', '-C', bench.context, '.'])
      const input = program === undefined ? tar : execFileSync(program, ['-c'], { input: tar })
      await bench.succeed(['build', '-q', '-t', 'x', '-'], { input })
      expect(await filesOf(bench, 'x')).toEqual({ ...files, 'a/': '' })
      expect(await faultsOf(bench.home)).toEqual([])
    })

  test('has its Dockerfile where -f says', async () => {
    const bench = openQuickBench({ 'sub/other': 'FROM scratch\nCOPY a /\n', a: 'a' })
    const input = execFileSync('tar', ['-cf', '-', '-C', bench.context, '.'])
    await bench.succeed(['build', '-q', '-t', 'x', '-f', 'sub/other', '-'], { input })
    expect(await filesOf(bench, 'x')).toEqual({ a: 'a' })
  })

  test('may be a Dockerfile alone', async () => {
    const bench = openQuickBench()
    await bench.succeed(['build', '-q', '-t', 'x', '-'], { input: 'FROM scratch\nCOPY <<EOF /here\ntext\nEOF\n' })
    expect(await filesOf(bench, 'x')).toEqual({ here: 'text\n' })
    const { code, err } = await bench.tare(['build', '-'], { input: 'FROM scratch\nCOPY a /\n' })
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringMatching(/"a" is not in the build context/) })
  })
})

describe('the Dockerfile', () => {
  test('comes from standard input beside a folder, from inside it, from outside it', async () => {
    const bench = openQuickBench({ a: 'a', 'in/Dockerfile': 'FROM scratch\nCOPY a /in\n' })
    writeFileSync(join(bench.folder, 'outside'), 'FROM scratch\nCOPY a /out\n')
    await bench.succeed(['build', '-q', '-t', 'x', '-f', '-', 'context'], { input: 'FROM scratch\nCOPY a /stdin\n' })
    expect(await filesOf(bench, 'x')).toEqual({ stdin: 'a' })
    await bench.succeed(['build', '-q', '-t', 'x', '-f', 'context/in/Dockerfile', 'context'])
    expect(await filesOf(bench, 'x')).toEqual({ in: 'a' })
    await bench.succeed(['build', '-q', '-t', 'x', '-f', 'outside', 'context'])
    expect(await filesOf(bench, 'x')).toEqual({ out: 'a' })
  })

  test('has an ignore file of its own, which stands in for .dockerignore', async () => {
    const bench = openQuickBench({
      dev: copyAll,
      'dev.dockerignore': '*\n!a\n',
      '.dockerignore': 'a\n',
      a: 'a',
      b: 'b',
    })
    await bench.succeed(['build', '-q', '-t', 'x', '-f', 'context/dev', 'context'])
    expect(await filesOf(bench, 'x')).toEqual({ a: 'a' })
  })
})

describe('named contexts', () => {
  test('a folder is taken with its own .dockerignore', async () => {
    const bench = openQuickBench({ Dockerfile: 'FROM scratch\nCOPY --from=more . /\n' })
    const more = join(bench.folder, 'more')
    mkdirSync(more)
    writeFileSync(join(more, 'a'), 'a')
    writeFileSync(join(more, 'b'), 'b')
    writeFileSync(join(more, '.dockerignore'), 'b\n.dockerignore\n')
    await bench.succeed(['build', '-q', '-t', 'x', '--build-context', `more=${more}`, 'context'])
    expect(await filesOf(bench, 'x')).toEqual({ a: 'a' })
    const { code, err } = await bench.tare(['build', '--build-context', 'more=nowhere', 'context'])
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringMatching(/nowhere|more/) })
  })

  test('an image of the store stands in for another', async () => {
    const bench = openQuickBench({
      Dockerfile: 'FROM alpine\nCOPY a /over\n',
      base: 'FROM scratch\nCOPY a /base\nENV B=1\n',
      a: 'a',
    })
    await bench.succeed(['build', '-q', '-t', 'mine', '-f', 'context/base', 'context'])
    await bench.succeed(['build', '-q', '-t', 'x', '--build-context', 'alpine=docker-image://mine', 'context'])
    expect(await bench.succeed(['inspect', '-f', '{{.Config.Env}} {{len .RootFS.Layers}}', 'x'])).toMatch(/B=1\] 2\n$/)
  })

  test('another stage stands in for a name', async () => {
    const bench = openQuickBench({
      Dockerfile: 'FROM scratch AS real\nCOPY a /real\nFROM scratch\nCOPY --from=fake / /\n',
      a: 'a',
    })
    await bench.succeed(['build', '-q', '-t', 'x', '--build-context', 'fake=target:real', 'context'])
    expect(await filesOf(bench, 'x')).toEqual({ real: 'a' })
  })

  test('a layout that tare made is taken: a store, by name and by digest, or an archive unpacked', async () => {
    const bench = openQuickBench({
      Dockerfile: 'FROM base\nCOPY a /over\n',
      base: 'FROM scratch\nCOPY a /base\n',
      a: 'a',
    })
    const other = join(bench.folder, 'other')
    await bench.succeed(['build', '-q', '-t', 'base:3', '-f', 'context/base', 'context'], { home: other })
    const digest = JSON.parse(readFileSync(join(other, 'index.json'), 'utf8')).manifests[0].digest as string
    await bench.succeed(['save', '--format', 'oci', '-o', 'base.tar', 'base:3'], { home: other })
    mkdirSync(join(bench.folder, 'unpacked'))
    execFileSync('tar', ['-xf', 'base.tar', '-C', 'unpacked'], { cwd: bench.folder })
    for (const place of ['other:3', `other@${digest}`, 'unpacked', 'unpacked:3']) {
      await bench.succeed(['build', '-q', '-t', 'x', '--build-context', `base=oci-layout://${place}`, 'context'])
      expect(await bench.succeed(['inspect', '-f', '{{len .RootFS.Layers}}', 'x'])).toBe('2\n')
    }
    const nowhere = await bench.tare(['build', '--build-context', 'base=oci-layout://nowhere:1', 'context'])
    expect(nowhere).toMatchObject({ code: 1, err: expect.stringContaining('there is no OCI layout at nowhere') })
    const wrong = await bench.tare(['build', '--build-context', 'base=oci-layout://other:nope', 'context'])
    expect(wrong).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no such image in the OCI layout other:nope\n.*base:3/),
    })
    expect(await faultsOf(bench.home)).toEqual([])
  })
})

describe('platforms', () => {
  const bare = { Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY a /a-$TARGETARCH\n', a: 'a' }

  test.each([
    ['linux/arm64', 'arm64 ', 'a-arm64'],
    ['linux/arm/v7', 'arm v7', 'a-arm'],
    ['linux/amd64', 'amd64 ', 'a-amd64'],
  ])('--platform %s decides the variables and the config', async (platform, said, path) => {
    const bench = openQuickBench(bare)
    await bench.succeed(['build', '-q', '-t', 'x', '--platform', platform, 'context'])
    expect(await bench.succeed(['inspect', '-f', '{{.Architecture}} {{.Variant}}', 'x'])).toBe(`${said}\n`)
    expect(await filesOf(bench, 'x')).toEqual({ [path]: 'a' })
  })

  test('several at once make one index, which is listed, inspected, saved, loaded, tagged and removed', async () => {
    const bench = openQuickBench(bare)
    const id = (
      await bench.succeed(['build', '-q', '-t', 'x', '--platform', 'linux/amd64,linux/arm64', 'context'])
    ).trim()
    const index = JSON.parse(readFileSync(join(bench.home, 'index.json'), 'utf8')).manifests[0]
    expect(index).toMatchObject({ digest: id, mediaType: 'application/vnd.oci.image.index.v1+json' })
    const { manifests } = JSON.parse(readFileSync(join(bench.home, 'blobs', id.replace(':', '/')), 'utf8'))
    expect(manifests.map(({ platform }: { platform: unknown }) => platform)).toEqual([
      { architecture: 'amd64', os: 'linux' },
      { architecture: 'arm64', os: 'linux' },
    ])
    expect(await faultsOf(bench.home)).toEqual([])
    expect(await bench.succeed(['images', '--format', '{{.Repository}}:{{.Tag}}'])).toBe('x:latest\n')
    expect(await bench.succeed(['inspect', '-f', '{{.Os}}', 'x'])).toBe('linux\n')
    expect(await bench.succeed(['history', '-q', 'x'])).not.toBe('')
    await bench.succeed(['tag', 'x', 'y'])
    for (const format of ['docker', 'docker-legacy', 'oci']) {
      const other = { home: join(bench.folder, format) }
      await bench.succeed(['save', '--format', format, '-o', `${format}.tar`, 'x'])
      await bench.succeed(['load', '-i', `${format}.tar`], other)
      const seen = ['inspect', '-f', '{{.Id}}', 'x']
      expect(await bench.succeed(seen, other)).toBe(await bench.succeed(seen))
      expect(await faultsOf(other.home)).toEqual([])
    }
    await bench.succeed(['build', '-q', '-t', 'z', '-f', '-', 'context'], { input: 'FROM x\nCOPY a /z\n' })
    await bench.succeed(['rmi', 'x', 'y', 'z'])
    await bench.succeed(['builder', 'prune', '-af'])
    expect(await faultsOf(bench.home)).toEqual([])
    expect(await bench.succeed(['images', '-q'])).toBe('')
  })
})

describe('flags', () => {
  test('--target, --label, --build-arg (from the environment as well), --iidfile and --metadata-file do what they say', async () => {
    const dockerfile = 'FROM scratch AS one\nARG A\nARG B=b\nLABEL a=$A b=$B\nFROM scratch AS two\nCOPY nothing /\n'
    const bench = openQuickBench({ Dockerfile: dockerfile })
    const flags = ['--target', 'ONE', '--label', 'l=m', '--label', 'empty', '--build-arg', 'A', '--build-arg', 'B=c']
    const files = ['--iidfile', 'id', '--metadata-file', 'metadata']
    const env = { A: 'from env' }
    const id = await bench.succeed(['build', '-q', '-t', 'x', ...flags, ...files, 'context'], { env })
    expect(`${readFileSync(join(bench.folder, 'id'), 'utf8')}\n`).toBe(id)
    expect(JSON.parse(await bench.succeed(['inspect', '-f', '{{json .Config.Labels}}', 'x']))).toEqual({
      ...{ a: 'from env', b: 'c', l: 'm', empty: '' },
    })
    const metadata = JSON.parse(readFileSync(join(bench.folder, 'metadata'), 'utf8'))
    const [{ digest, size, mediaType }] = JSON.parse(readFileSync(join(bench.home, 'index.json'), 'utf8')).manifests
    expect(metadata).toEqual({
      'containerimage.config.digest': id.trim(),
      'containerimage.descriptor': { digest, size, mediaType, platform: expect.objectContaining({ os: 'linux' }) },
      'containerimage.digest': digest,
      'image.name': 'docker.io/library/x:latest',
    })
  })

  test('--no-cache makes every step again, --no-cache-filter those of one stage', async () => {
    const dockerfile = 'FROM scratch AS one\nCOPY a /\nFROM scratch\nCOPY a /b\nCOPY --from=one /a /c\n'
    const bench = openQuickBench({ Dockerfile: dockerfile, a: 'a' })
    const cached = async (...flags: string[]) => {
      const { code, err } = await bench.tare(['build', '--progress=plain', ...flags, 'context'])
      expect(code, err).toBe(0)
      return err.match(/ CACHED$/gm)?.length ?? 0
    }
    expect(await cached()).toBe(0)
    expect(await cached()).toBe(3)
    expect(await cached('--no-cache-filter', 'one')).toBe(2)
    expect(await cached('--no-cache')).toBe(0)
  })
})

describe.skipIf(!hasGitDaemon)('a git repository', () => {
  test('is a context, a named one, and a source of ADD', async () => {
    const repositories = new Repositories()
    repositories.commit('app', { Dockerfile: copyAll, 'sub/Dockerfile': 'FROM scratch\nCOPY a /b\n', 'sub/a': 'a' })
    const url = `${await repositories.daemon()}/app.git`
    const bench = openQuickBench({ Dockerfile: `FROM scratch\nCOPY --from=app sub/a /c\nADD ${url}#main:sub /d/\n` })
    await bench.succeed(['build', '-q', '-t', 'x', `${url}#main:sub`])
    expect(await filesOf(bench, 'x')).toEqual({ b: 'a' })
    await bench.succeed(['build', '-q', '-t', 'x', '--build-context', `app=${url}`, 'context'])
    expect(await filesOf(bench, 'x')).toEqual({ 'd/': '', 'd/Dockerfile': 'FROM scratch\nCOPY a /b\n', 'd/a': 'a' })
    const { code, err } = await bench.tare(['build', '-q', `${url}#nope`])
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining(`${url} has no nope`) })
    expect(await faultsOf(bench.home)).toEqual([])
  })
})
