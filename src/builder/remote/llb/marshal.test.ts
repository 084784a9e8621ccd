import { fromBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { plan } from '../../../../test/kit/plans.ts'
import { llb } from '../../../buildkit/index.ts'
import { type MarshalSettings, marshalPlan } from './index.ts'

const every = new Set([
  ...['mergeop', 'file.copy.modestring', 'file.copy.includeexcludepatterns', 'exec.meta.ulimit', 'exec.secretenv'],
  ...['exec.mount.bind.readwrite-nooutput', 'exec.mount.tmpfs.size', 'exec.meta.removemountstubs.recursive'],
])

interface Given extends Partial<Omit<MarshalSettings, 'run'>> {
  readonly run?: Partial<MarshalSettings['run']>
  readonly llb?: ReadonlySet<string>
}

/** The operations of a Dockerfile in BuildKit's language, in order, without the last one. */
async function marshal(lines: readonly string[], { run = {}, llb: known = every, ...more }: Given = {}) {
  const planned = await plan(lines.join('\n'), {})
  const made = marshalPlan(planned, {
    platform: { os: 'linux', architecture: 'amd64' },
    capabilities: { engine: 'the engine', llb: known },
    session: 'session-1',
    source: (id) =>
      planned.operations[id]!.kind === 'image'
        ? { kind: 'registry', reference: `docker.io/library/base@sha256:${'0'.repeat(64)}` }
        : planned.operations[id]!.kind === 'scratch'
          ? { kind: 'scratch' }
          : { kind: 'local', name: 'context', sharedKey: 'key' },
    archives: () => [],
    mayRecall: () => true,
    run: { hosts: [], proxies: [], limits: [], cacheNamespace: '', ...run },
    ...more,
  })!
  const { def, metadata } = made.definition
  const ops = def.map((bytes) => fromBinary(llb.OpSchema, bytes))
  const names = ops.slice(0, -1).map((_, i) => Object.values(metadata)[i]?.description['llb.customname'])
  return { ops, names, definition: made.definition, kinds: ops.map(({ op }) => op.case) }
}

function execOf({ ops }: Awaited<ReturnType<typeof marshal>>): llb.ExecOp {
  return ops.flatMap(({ op }) => (op.case === 'exec' ? [op.value] : []))[0]!
}

function fileActionsOf({ ops }: Awaited<ReturnType<typeof marshal>>): readonly llb.FileAction[] {
  return ops.flatMap(({ op }) => (op.case === 'file' ? op.value.actions : []))
}

test('each operation is named by its bytes, and the last one points to the result', async () => {
  const { definition, kinds } = await marshal(['FROM scratch', 'COPY a /', 'RUN ["/a"]'])
  expect(kinds).toEqual(['source', 'file', 'exec', undefined])
  const again = await marshal(['FROM scratch', 'COPY a /', 'RUN ["/a"]'])
  expect(again.definition.def).toEqual(definition.def)
  const last = fromBinary(llb.OpSchema, definition.def.at(-1)!)
  expect(last.inputs).toHaveLength(1)
  expect(Object.keys(definition.metadata)).toContain(last.inputs[0]!.digest)
})

test('equal operations of two stages are one', async () => {
  const { kinds } = await marshal([
    ...['FROM scratch AS a', 'COPY x /', 'FROM scratch AS b', 'COPY x /'],
    ...['FROM scratch', 'COPY --from=a /x /1', 'COPY --from=b /x /2'],
  ])
  expect(kinds.filter((kind) => kind === 'file')).toHaveLength(3)
})

test('stages that the target does not need are not sent', async () => {
  const { kinds } = await marshal(['FROM scratch AS unused', 'COPY x /', 'FROM scratch', 'COPY y /'])
  expect(kinds).toEqual(['source', 'file', undefined])
})

test('files of this machine are bound to the session, and their key is a hint', async () => {
  const { ops } = await marshal(['FROM scratch', 'COPY a /'])
  expect(ops[0]!.op.value).toMatchObject({
    identifier: 'local://context',
    attrs: { 'local.session': 'session-1', 'local.sharedkeyhint': 'key' },
  })
})

test('several sources of a COPY are actions one after the other', async () => {
  const actions = fileActionsOf(await marshal(['FROM scratch', 'COPY a b c /d/']))
  expect(actions.map(({ input, secondaryInput, output }) => [input, secondaryInput, output])).toEqual([
    [-1n, 0n, -1n],
    [1n, 0n, -1n],
    [2n, 0n, 0n],
  ])
})

test('COPY --link is copied onto nothing and merged', async () => {
  const { kinds, ops } = await marshal(['FROM scratch', 'COPY a /', 'COPY --link b /'])
  expect(kinds).toEqual(['source', 'file', 'file', 'merge', undefined])
  expect(ops[3]!.op.value).toMatchObject({ inputs: [{ input: 0n }, { input: 1n }] })
})

test('COPY --link is copied twice where an engine cannot merge', async () => {
  const old = new Set([...every].filter((name) => name !== 'mergeop'))
  const { kinds, ops, names } = await marshal(['FROM scratch', 'COPY a /', 'COPY --link --chown=5 b /'], { llb: old })
  expect(kinds).toEqual(['source', 'file', 'file', 'file', undefined])
  const [first, apart, over] = ops.slice(1).flatMap(({ op, inputs }) => (op.case === 'file' ? [{ op, inputs }] : []))
  expect(first!.inputs).toHaveLength(1)
  expect(apart!.op.value.actions[0]).toMatchObject({
    input: -1n,
    action: { value: { owner: { user: { user: { value: 5 } } } } },
  })
  expect(over!.op.value.actions[0]!.action.value).toMatchObject({
    src: '/',
    dest: '/',
    mode: -1,
    dirCopyContents: true,
  })
  expect((over!.op.value.actions[0]!.action.value as llb.FileActionCopy).owner).toBeUndefined()
  expect(names.filter((name) => /^\[internal\] files of/.test(name!))).toHaveLength(1)
})

describe('ADD --chown of an archive, where an engine leaves its entries alone', () => {
  const old = new Set([...every].filter((name) => name !== 'file.copy.modestring'))
  const lines = ['FROM scratch', 'ADD --chown=5 a.tar b /d/']
  const found = (hasGaps: boolean) => ({ archives: () => [{ formats: new Set(['tar']), hasGaps }] })

  test('is unpacked first, and copied then', async () => {
    const [unpack, archive, file] = fileActionsOf(await marshal(lines, { llb: old, ...found(false) }))
    expect(unpack!.action.value).toMatchObject({ src: '/a.tar', dest: '/', attemptUnpack: true })
    expect((unpack!.action.value as llb.FileActionCopy).owner).toBeUndefined()
    const owner = { user: { user: { value: 5 } } }
    expect(archive!.action.value).toMatchObject({ src: '/', dest: '/d/', attemptUnpack: false, owner })
    expect(file!.action.value).toMatchObject({ src: '/b', dest: '/d/', attemptUnpack: true, owner })
    expect(fileActionsOf(await marshal(lines, found(false)))).toHaveLength(2)
  })

  test('is refused if that would change directories that it does not list, or modes', async () => {
    const tooOld = { code: 'ENGINE_TOO_OLD', where: { line: 2 } }
    await expect(marshal(lines, { llb: old, ...found(true) })).rejects.toMatchObject(tooOld)
    const both = ['FROM scratch', 'ADD --chown=5 --chmod=755 a.tar /d/']
    await expect(marshal(both, { llb: old, ...found(false) })).rejects.toMatchObject(tooOld)
    expect((await marshal(lines, found(true))).kinds).toHaveLength(3)
  })
})

test.each([
  ['COPY --chmod=u+x b /', 'file.copy.modestring', '--chmod=u+x'],
  ['COPY --parents b/c /', 'file.copy.includeexcludepatterns', '--parents'],
  ['COPY --exclude=x b /', 'file.copy.includeexcludepatterns', '--exclude'],
  ['RUN --mount=type=secret,id=s,env=S x', 'exec.secretenv', '--mount=type=secret,env='],
  ['RUN --mount=type=tmpfs,target=/t,size=1k x', 'exec.mount.tmpfs.size', 'the size of a --mount=type=tmpfs'],
])('%s is refused where the engine does not know %s', async (line, capability, what) => {
  const lines = ['# syntax=docker/dockerfile:1-labs', 'FROM scratch', 'COPY a /', line]
  await marshal(lines)
  const old = new Set([...every].filter((name) => name !== capability))
  await expect(marshal(lines, { llb: old })).rejects.toMatchObject({
    code: 'ENGINE_TOO_OLD',
    message: `the engine is too old for ${what}: it does not know ${capability}`,
    where: { line: 4 },
  })
})

test('owners are numbers, or names of the filesystem below', async () => {
  const [named, numbered] = fileActionsOf(
    await marshal(['FROM scratch', 'COPY a /', 'COPY --chown=app:7 a /b', 'COPY --chown=7 a /c']),
  ).slice(1)
  expect(named!.action.value).toMatchObject({
    owner: { user: { user: { case: 'byName', value: { name: 'app', input: 0n } } }, group: { user: { value: 7 } } },
  })
  expect(numbered!.action.value).toMatchObject({ owner: { user: { user: { case: 'byId', value: 7 } } } })
  expect((numbered!.action.value as llb.FileActionCopy).owner!.group).toBeUndefined()
})

test('where an engine gives created parents no --chmod, they are made first', async () => {
  const old = new Set([...every].filter((name) => name !== 'file.copy.modestring'))
  const lines = ['FROM scratch', 'COPY --chmod=4711 --chown=5:6 a /x/y/']
  const cases = async (known: ReadonlySet<string>) => fileActionsOf(await marshal(lines, { llb: known }))
  expect((await cases(every)).map(({ action }) => action.case)).toEqual(['copy'])
  const [parents, copy] = await cases(old)
  expect(parents!.action).toMatchObject({ case: 'mkdir', value: { path: '/x/y', mode: 0o711, makeParents: true } })
  expect(copy).toMatchObject({ input: 1n, secondaryInput: 0n, output: 0n })
})

test('--parents keeps the path after its pivot', async () => {
  const lines = ['# syntax=docker/dockerfile:1-labs', 'FROM scratch', 'COPY --parents a/./b/*.c /']
  const [copy] = fileActionsOf(await marshal(lines))
  expect(copy!.action.value).toMatchObject({ src: '/a', includePatterns: ['b/*.c'] })
})

test('RUN has a PATH, and the network and the security it asks for', async () => {
  const lines = ['# syntax=docker/dockerfile:1-labs', 'FROM scratch', 'RUN --network=none --security=insecure ["x"]']
  const { meta, network, security } = execOf(await marshal(lines))
  expect(meta).toMatchObject({ args: ['x'], cwd: '/', env: [expect.stringMatching(/^PATH=\/usr\/local/)] })
  expect([network, security]).toEqual([llb.NetMode.NONE, llb.SecurityMode.INSECURE])
})

test('hosts, limits, proxies and the size of /dev/shm reach RUN', async () => {
  const run = {
    hosts: [['db', '10.0.0.1']] as const,
    proxies: ['HTTP_PROXY=http://p:1', 'http_proxy=http://p:1'],
    limits: [['nofile', 10, 20]] as const,
    shmSize: 1 << 20,
  }
  const { meta, mounts } = execOf(await marshal(['FROM scratch', 'RUN ["x"]'], { run }))
  expect(meta).toMatchObject({
    extraHosts: [{ host: 'db', ip: '10.0.0.1' }],
    ulimit: [{ name: 'nofile', soft: 10n, hard: 20n }],
    proxyEnv: { httpProxy: 'http://p:1', httpsProxy: '' },
  })
  expect(mounts[1]).toMatchObject({ dest: '/dev/shm', mountType: llb.MountType.TMPFS, tmpfsOpt: { size: 1n << 20n } })
})

test('every kind of mount reaches RUN', async () => {
  const mounts = [
    '--mount=type=bind,source=src,target=b,rw',
    '--mount=type=cache,target=/c,id=gems,sharing=locked',
    '--mount=type=cache,target=/owned,uid=5,mode=0700',
    '--mount=type=tmpfs,target=/t',
    '--mount=type=secret,id=token,required=true,uid=1',
    '--mount=type=secret,id=pass,env=PASS',
    '--mount=type=ssh',
  ]
  const made = await marshal(['FROM scratch', 'WORKDIR /w', `RUN ${mounts.join(' ')} x`], {
    run: { cacheNamespace: 'ns' },
  })
  const { mounts: all, secretenv, meta } = execOf(made)
  expect(all.map(({ dest }) => dest)).toEqual([
    ...['/', '/w/b', '/c', '/owned', '/t', '/run/secrets/token', '/run/buildkit/ssh_agent.0'],
  ])
  expect(all[1]).toMatchObject({ selector: '/src', readonly: false, output: -1n })
  expect(all[2]).toMatchObject({ cacheOpt: { id: 'ns/gems', sharing: llb.CacheSharingOpt.LOCKED }, input: -1n })
  expect(all[3]).toMatchObject({ selector: '/cache', cacheOpt: { id: 'ns//owned' } })
  expect(all[5]).toMatchObject({ secretOpt: { id: 'token', uid: 1, mode: 0o400, optional: false } })
  expect(all[6]).toMatchObject({ sshOpt: { id: 'default', mode: 0o600, optional: true } })
  expect(secretenv).toMatchObject([{ id: 'pass', name: 'PASS', optional: true }])
  expect(meta!.env).toContain('SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0')
})

test('the scripts of here-documents are files for RUN', async () => {
  const made = await marshal(['FROM scratch', 'RUN <<EOF', '#!/bin/x', 'hello', 'EOF'])
  expect(execOf(made).mounts[1]).toMatchObject({ dest: '/dev/pipes/', readonly: true, input: 0n })
  expect(fileActionsOf(made)[0]!.action).toMatchObject({ case: 'mkfile', value: { path: '/EOF', mode: 0o755 } })
})

test('a step that may not come from the cache says so', async () => {
  const { definition } = await marshal(['FROM scratch', 'RUN ["x"]'], { mayRecall: () => false })
  expect(Object.values(definition.metadata).map(({ ignoreCache }) => ignoreCache)).toEqual([true])
})

test('a plan without anything to make is nothing to send', async () => {
  const planned = await plan('FROM scratch\nCMD ["x"]', {})
  const settings = { source: () => ({ kind: 'scratch' }), mayRecall: () => true } as unknown as MarshalSettings
  expect(marshalPlan(planned, { ...settings, platform: { os: 'linux', architecture: 'amd64' } })).toBeUndefined()
})

test('a plan of 300 stages is one definition without repeated operations', async () => {
  const stages = Array.from({ length: 300 }, (_, i) => [
    i === 0 ? 'FROM scratch AS s0' : `FROM s${i - 1} AS s${i}`,
    `RUN ["step", "${i}"]`,
  ])
  const { kinds } = await marshal(stages.flat())
  expect(kinds.filter((kind) => kind === 'exec')).toHaveLength(300)
})
