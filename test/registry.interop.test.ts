import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openQuickBench } from './kit/call-tare.ts'
import { program, start } from './kit/cli.ts'
import { hasRegistry, startRegistry } from './kit/docker-registry.ts'

// The command line against distribution 2.8: build, push, pull elsewhere, FROM.

describe.runIf(hasRegistry)('images go to a registry and come back', () => {
  test('build, push, pull, FROM, copy, registry ls and rm work with a real registry', async () => {
    const registry = await startRegistry()
    const folder = mkdtempSync(join(tmpdir(), 'tare-cli-registry-'))
    onTestFinished(async () => {
      await registry.stop()
      rmSync(folder, { recursive: true, force: true })
    })
    const { host } = registry
    const tare = async (home: string, ...args: string[]) => {
      const options = { home: join(folder, home), cwd: folder, env: { HOME: folder } }
      return start([process.execPath, program, ...args], options).outcome
    }
    writeFileSync(join(folder, 'f'), 'hello')
    writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY f /\n')
    expect((await tare('one', 'build', '-q', '-t', `${host}/app:1`, '.')).code).toBe(0)
    const pushed = await tare('one', 'push', '--digestfile', 'digest', `${host}/app:1`)
    const digest = readFileSync(join(folder, 'digest'), 'utf8').trim()
    expect(pushed.err).toBe('')
    expect(pushed.out).toMatch(
      new RegExp(
        `^The push refers to repository \\[${host}/app\\]\n[0-9a-f]{12}: Pushed\n1: digest: ${digest} size: \\d+\n$`,
      ),
    )
    const pulled = await tare('two', 'pull', `${host}/app:1`)
    expect(pulled.out.split('\n').slice(1)).toEqual([
      `Digest: ${digest}`,
      `Status: Downloaded newer image for ${host}/app:1`,
      `${host}/app:1`,
      '',
    ])
    expect((await tare('two', 'pull', '-q', `${host}/app:1`)).out).toBe(`${host}/app:1\n`)
    writeFileSync(join(folder, 'Dockerfile'), `FROM ${host}/app:1\nCOPY f /g\n`)
    const child = await tare('three', 'build', '-t', 'child', '.')
    expect(child.code).toBe(0)
    expect(child.err).toContain(`[internal] load metadata for ${host}/app:1`)
    expect((await tare('three', 'image', 'digest', `${host}/app:1`)).out).toBe(`${digest}\n`)
    expect((await tare('three', 'copy', `${host}/app:1`, `${host}/other:2`)).out).toBe(
      `Digest: ${digest}\n${host}/other:2\n`,
    )
    expect((await tare('three', 'registry', 'ls', `${host}/other`)).out).toBe('2\n')
    expect((await tare('three', 'registry', 'rm', `${host}/other:2`)).out).toBe(`Deleted: ${digest}\n`)
    const gone = await tare('three', 'pull', `${host}/other:2`)
    expect(gone.code).toBe(1)
    expect(gone.err).toContain(`there is no image ${host}/other:2`)
  })

  test('copy goes by way of files, and index, referrers, all platforms and all tags work', async () => {
    const registry = await startRegistry()
    const bench = openQuickBench({ f: 'hello', Dockerfile: 'FROM scratch\nCOPY f /\n' })
    onTestFinished(() => registry.stop())
    const { host } = registry
    const { tare, succeed } = bench
    const platforms = ['--platform', 'linux/amd64,linux/arm64']
    await succeed(['build', '-q', '-t', `${host}/app:1`, ...platforms, bench.context])
    await succeed(['push', '-q', '--digestfile', 'digest', `${host}/app:1`])
    const digest = readFileSync(join(bench.folder, 'digest'), 'utf8').trim()
    expect(await succeed(['copy', `${host}/app:1`, 'oci-archive:app.tar:v1'])).toBe(
      `Digest: ${digest}\noci-archive:app.tar:v1\n`,
    )
    expect(
      await succeed(['copy', '--preserve-digests', '--digestfile', 'again', 'oci-archive:app.tar:v1', `${host}/app:2`]),
    ).toBe(`Digest: ${digest}\n${host}/app:2\n`)
    expect(readFileSync(join(bench.folder, 'again'), 'utf8')).toBe(`${digest}\n`)
    const some = await tare(['copy', '--preserve-digests', '--format', 'docker', `${host}/app:1`, `${host}/app:3`])
    expect(some).toMatchObject({ code: 1, out: '' })
    expect(some.err).toContain('cannot be copied to')
    const changed = await tare(['copy', '--format', 'docker', `${host}/app:1`, `${host}/app:docker`])
    expect(changed.err).toMatch(new RegExp(`^(?:[0-9a-f]{12}: Copied\n)+The digest changed; it was ${digest}\n$`))
    expect((await tare(['copy', 'dir:x', 'store:y'])).err).toContain('docker-archive:PATH[:NAME]')
    expect((await tare(['copy', '--format', 'x', 'a', 'b'])).code).toBe(125)

    await succeed(['copy', '-q', '--platform', 'linux/arm64', `${host}/app:1`, `${host}/app:arm`])
    await succeed(['copy', '-q', '--platform', 'linux/amd64', `${host}/app:1`, `${host}/app:amd`])
    const index = ['index', 'create', `${host}/app:both`, `${host}/app:amd`, `${host}/app:arm`]
    expect(await succeed(index)).toBe(`Digest: ${digest}\n${host}/app:both\n`)
    expect(JSON.parse(await succeed([...index, '--dry-run', '--annotation', 'a=b']))).toMatchObject({
      annotations: { a: 'b' },
    })
    expect((await tare([...index, '--annotation', 'nothing'])).code).toBe(125)
    await succeed(['index', 'annotate', `${host}/app:both`, '--platform', 'linux/arm64', '--variant', 'v8'])
    expect(JSON.parse(await succeed(['image', 'manifest', `${host}/app:both`])).manifests[1].platform.variant).toBe(
      'v8',
    )

    const other = { home: join(bench.folder, 'other') }
    expect(await succeed(['pull', '-q', '--all-platforms', `${host}/app:1`], other)).toBe(`${host}/app:1\n`)
    expect(await succeed(['image', 'digest', '--local', `${host}/app:1`], other)).toBe(`${digest}\n`)
    const config = await succeed(['image', 'config', '--platform', 'linux/arm64', `${host}/app:1`], other)
    expect(JSON.parse(config)).toMatchObject({ architecture: 'arm64' })
    await succeed(['push', '-q', '--platform', 'linux/arm64', `${host}/app:1`], other)
    await succeed(['registry', 'rm', `${host}/app:docker`])
    const tags = ['1', '2', 'amd', 'arm', 'both']
    expect(await succeed(['registry', 'ls', `${host}/app`])).toBe(tags.map((tag) => `${tag}\n`).join(''))
    const all = tags.map((tag) => `${host}/app:${tag}\n`).join('')
    // Of what is there for arm64 alone, this machine's platform has nothing to say but the image itself.
    expect(await succeed(['pull', '-a', '-q', `${host}/app`], other)).toBe(all)
    expect(await succeed(['push', '-a', '-q', `${host}/app`], other)).toBe(all)
    expect((await tare(['pull', '-a', `${host}/app:1`])).code).toBe(125)

    expect(await succeed(['registry', 'referrers', `${host}/app:2`])).toBe(
      'DIGEST    ARTIFACT TYPE   SIZE      CREATED AT\n',
    )
    expect(await succeed(['registry', 'referrers', '--format', 'json', `${host}/app@${digest}`])).toBe('')
  })

  test('what is built is pushed under each of its names, in one go', async () => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    const { host } = registry
    const bench = openQuickBench({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
    const { tare, succeed } = bench
    const names = [`${host}/built:1`, `${host}/built:2`]
    const { code, err } = await tare([
      'build',
      '--push',
      '--progress=none',
      ...names.flatMap((name) => ['-t', name]),
      'context',
    ])
    expect(code, err).toBe(0)
    expect(err.trim().split('\n')).toEqual(
      names.map((name) => expect.stringMatching(`^pushed ${name}@sha256:[0-9a-f]{64}$`)),
    )
    const push = 'type=registry,compression=zstd,oci-mediatypes=true'
    expect((await tare(['build', '-q', '-o', push, '-t', names[0]!, 'context'])).err).toBe('')
    const [first, second] = await Promise.all(names.map((name) => succeed(['image', 'manifest', name])))
    expect(first).toContain('tar+zstd')
    expect(second).toContain('tar+gzip')
    expect((await tare(['build', '--push', 'context'])).err).toContain('tag is needed when pushing to registry')
  })

  test('several runners push images by digest, and one makes an index of them', async () => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    const repository = `${registry.host}/team/app`
    const output = `type=image,name=${repository},push-by-digest=true,name-canonical=true,push=true`
    const digests: string[] = []
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      const { folder, succeed } = openQuickBench({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
      const flags = ['--platform', platform, '-o', output, '--metadata-file', 'metadata']
      const id = await succeed(['build', '-q', ...flags, 'context'])
      const metadata = JSON.parse(readFileSync(join(folder, 'metadata'), 'utf8'))
      const digest = metadata['containerimage.digest']
      digests.push(digest)
      expect(metadata['containerimage.descriptor']).toMatchObject({ digest, platform: { os: 'linux' } })
      expect(
        await succeed(['images', '--no-trunc', '--digests', '--format', '{{.Repository}}:{{.Tag}} {{.Digest}}']),
      ).toBe(`${repository}:<none> ${digest}\n`)
      expect(await succeed(['inspect', '-f', '{{.Id}}', `${repository}@${digest}`])).toBe(id)
      expect(await succeed(['image', 'digest', `${repository}@${digest}`])).toBe(`${digest}\n`)
    }
    const { succeed } = openQuickBench({})
    await succeed(['index', 'create', `${repository}:1`, ...digests.map((digest) => `${repository}@${digest}`)])
    const { manifests } = JSON.parse(await succeed(['image', 'manifest', `${repository}:1`]))
    expect(manifests.map(({ digest }: { digest: string }) => digest)).toEqual(digests)
    expect(manifests.map((one: { platform: { architecture: string } }) => one.platform.architecture)).toEqual([
      'amd64',
      'arm64',
    ])
  })

  test.each([
    ['one platform', []],
    ['several', ['--platform', 'linux/amd64,linux/arm64']],
  ])('the metadata of a push say what the registry has, and the image ID stays: %s', async (_, platforms) => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    const name = `${registry.host}/app:1`
    const { folder, succeed } = openQuickBench({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
    const flags = [...platforms, '--iidfile', 'id', '--metadata-file', 'metadata', '-t', name]
    const before = await succeed(['build', '-q', ...flags, 'context'])
    expect(await succeed(['build', '-q', '--push', ...flags, 'context'])).toBe(before)
    expect(readFileSync(join(folder, 'id'), 'utf8')).toBe(before.trim())
    const metadata = JSON.parse(readFileSync(join(folder, 'metadata'), 'utf8'))
    const digest = (await succeed(['image', 'digest', name])).trim()
    expect(metadata['containerimage.digest']).toBe(digest)
    expect(metadata['containerimage.descriptor']).toMatchObject({ digest })
    expect(metadata['containerimage.config.digest']).toBe(platforms.length === 0 ? before.trim() : undefined)
    expect(await succeed(['build', '-q', ...flags, 'context'])).toBe(before)
  })

  test.each([
    ['plain', '--progress=plain'],
    ['quiet', '-q'],
    ['none', '--progress=none'],
  ])('a base of a registry that is gone is used as it was, and that is said: %s', async (_, flag) => {
    const registry = await startRegistry()
    const name = `${registry.host}/base:1`
    const { tare, succeed } = openQuickBench({ Dockerfile: 'FROM scratch\nLABEL a=b\n', later: `FROM ${name}\n` })
    try {
      await succeed(['build', '-q', '--push', '-t', name, 'context'])
      await succeed(['rmi', '-f', name])
      const { err } = await tare(['build', flag, '-f', 'context/later', 'context'])
      expect(err).not.toContain('BaseNotChecked')
    } finally {
      await registry.stop()
    }
    const { code, err } = await tare(['build', flag, '-f', 'context/later', 'context'])
    expect({ code, said: err.split('BaseNotChecked').length - 1 }).toEqual({ code: 0, said: 1 })
    expect((await tare(['build', '--check', '-f', 'context/later', 'context'])).code).toBe(0)
    expect((await tare(['build', '--pull', flag, '-f', 'context/later', 'context'])).code).toBe(1)
  })
})
