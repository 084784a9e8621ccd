import { expect, test } from 'vitest'
import { captureStreams } from '../../captured-streams.ts'
import { parseFlags } from '../../flags.ts'
import { buildFlags } from './build-flags.ts'
import { readBuildOptions } from './build-options.ts'
import { readOutputs } from './outputs/read-outputs.ts'

function call(line: string, input = '') {
  const { values: flags, given, args } = parseFlags(buildFlags, line.split(' '))
  return {
    ...{ flags, given, args, env: { A: '1' }, streams: captureStreams({ input }), debug: false, name: 'tare build' },
    signal: new AbortController().signal,
    open: () => Promise.reject(new Error('not asked for')),
    now: () => 0,
    takeSignals: () => {},
  }
}

test('flags become what the library is asked for', async () => {
  const line =
    '-t a -t b:1 --target=t --build-arg A --build-arg B=x=y --label l=1 --label m --annotation index:k=v ' +
    '--platform linux/amd64,linux/arm64 --build-context base=docker-image://alpine --no-cache --no-cache-filter s1,s2 ' +
    '--network=host --rewrite-timestamp -f x/Dockerfile ctx'
  expect(await readBuildOptions(call(line))).toMatchObject({
    context: { kind: 'directory', path: 'ctx' },
    dockerfile: { path: 'x/Dockerfile' },
    target: 't',
    buildArgs: { A: undefined, B: 'x=y' },
    labels: { l: '1', m: '' },
    annotations: [{ key: 'k', value: 'v', on: 'index' }],
    tags: ['a', 'b:1'],
    platforms: ['linux/amd64', 'linux/arm64'],
    contexts: { base: { kind: 'image', name: 'alpine' } },
    noCache: true,
    noCacheFilter: ['s1', 's2'],
    network: 'host',
    environment: { A: '1' },
  })
  expect(readOutputs(call(line))).toEqual({
    ...{ outputs: undefined, rewriteTimestamp: true, epoch: undefined, toStdout: false },
  })
})

test('a Dockerfile may come by standard input, and so may the context', async () => {
  expect((await readBuildOptions(call('-f - .', 'FROM scratch\n'))).dockerfile).toEqual({
    text: Buffer.from('FROM scratch\n'),
    name: 'Dockerfile',
  })
  expect((await readBuildOptions(call('-', 'x'))).context.kind).toBe('stream')
})

test('an address is fetched, and what is no address is a folder', async () => {
  const contextOf = async (argument: string) => (await readBuildOptions(call(argument))).context
  for (const address of [
    'https://example.com/x.git#main:dir',
    'HTTP://example.com/x.tar',
    'git@example.com:x/y.git',
    'ssh://git@example.com/x',
    'git://example.com/x',
    'github.com/x/y',
  ])
    expect(await contextOf(address)).toEqual({ kind: 'remote', address })
  for (const path of ['src', 'example.com/x.git', 'file:///x', 'ext::x'])
    expect(await contextOf(path)).toEqual({ kind: 'directory', path })
  expect((await readBuildOptions(call('-f http://example.com/Dockerfile .'))).dockerfile).toEqual({
    url: 'http://example.com/Dockerfile',
  })
})

test.each([
  ['--build-context =x .', 'invalid context value: =x, expected key=value'],
  ['--annotation x .', 'invalid annotation "x", expected key=value'],
])('%s is refused', async (line, message) => {
  await expect(readBuildOptions(call(line))).rejects.toThrow(message)
})

test('flags for a daemon are accepted', async () => {
  const harmless =
    '--pull --rm --force-rm --compress --load --cache-from x --secret id=a --ssh default ' +
    '--add-host a:1.2.3.4 --ulimit nofile=1 --shm-size 1g --memory 1g --memory-swap -1 --cpu-shares 2 --builder b ' +
    '--allow network.host --isolation default --security-opt x --cgroup-parent y --disable-content-trust .'
  await expect(readBuildOptions(call(harmless))).resolves.toMatchObject({ provenance: undefined, sbom: undefined })
})

test.each<[string, object]>([
  ['--provenance=true --sbom=1', { provenance: true, sbom: true }],
  ['--provenance=false --sbom=false', { provenance: false, sbom: false }],
  ['--provenance mode=min', { provenance: { mode: 'min' } }],
  [
    '--attest type=provenance,mode=max,builder-id=https://ci.example/1,version=v1,reproducible=true,inline-only=true',
    { provenance: { mode: 'max', builderId: 'https://ci.example/1', reproducible: true, inlineOnly: true } },
  ],
  [
    '--attest type=sbom,filename=bom.json --attest type=provenance,disabled=true',
    { sbom: { file: 'bom.json' }, provenance: false },
  ],
])('%s asks for statements', async (line, expected) => {
  expect(await readBuildOptions(call(`${line} .`))).toMatchObject(expected)
})

test.each([
  ['--attest type=vex', 'unknown attestation type "vex"'],
  ['--attest sbom', 'expected KEY=VALUE'],
  ['--attest type=sbom,generator=docker/scout', 'generator=docker/scout is refused'],
  ['--sbom generator=x', '--sbom generator=x is refused'],
  ['--provenance mode=full', 'invalid mode "full" in --provenance'],
  ['--provenance version=v0.2', 'version=v0.2 is refused'],
  ['--attest type=sbom,mode=max', '--attest type=sbom,mode=max'],
  ['--sbom=true --attest type=sbom', 'duplicate attestation field sbom'],
])('%s is refused', async (line, message) => {
  await expect(readBuildOptions(call(`${line} .`))).rejects.toThrow(message)
})

test('the engine is the flag’s, else the environment’s', async () => {
  const withEnvironment = (line: string) => ({ ...call(line), env: { TARE_BUILDER: 'far' } })
  expect(await readBuildOptions(call('--builder near .'))).toMatchObject({ builder: 'near' })
  expect(await readBuildOptions(withEnvironment('--builder near .'))).toMatchObject({ builder: 'near' })
  expect(await readBuildOptions(withEnvironment('.'))).toMatchObject({ builder: 'far' })
  expect((await readBuildOptions(call('.'))).builder).toBeUndefined()
})

test.each(['verify', 'explain'])('--%s is about steps of this machine', async (name) => {
  await expect(readBuildOptions(call(`--${name} --builder b .`))).rejects.toThrow(
    `--${name} and --builder cannot be combined`,
  )
  await expect(readBuildOptions(call(`--${name} --builder default .`))).resolves.toMatchObject({ builder: 'default' })
})
