import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from '../../../../test/kit/cli.ts'
import { findBuilders, readAddress } from './index.ts'

test.each([
  ['unix:///run/buildkit/buildkitd.sock', { kind: 'socket', path: '/run/buildkit/buildkitd.sock' }],
  ['tcp://127.0.0.1:1234', { kind: 'tcp', host: '127.0.0.1', port: 1234 }],
  ['tcp://[::1]:1234', { kind: 'tcp', host: '::1', port: 1234 }],
  ['tcp://builder:1234?insecure=true', { kind: 'tcp', host: 'builder', port: 1234 }],
  [
    'tls://builder:1234?ca=/ca.pem&servername=b',
    { kind: 'tls', host: 'builder', files: { ca: '/ca.pem', serverName: 'b' } },
  ],
  ['docker-container://b-0', { argv: ['docker', 'exec', '-i', 'b-0', 'buildctl', 'dial-stdio'] }],
  ['podman-container://b', { argv: ['podman', 'exec', '-i', 'b', 'buildctl', 'dial-stdio'] }],
  ['nerdctl-container://b', { argv: ['nerdctl', 'exec', '-i', 'b', 'buildctl', 'dial-stdio'] }],
  [
    'kube-pod://b-0?context=arn:aws:eks:x&namespace=ci&container=buildkitd',
    {
      argv: [
        ...['kubectl', '--context=arn:aws:eks:x', '--namespace=ci', 'exec'],
        ...['--container=buildkitd', '-i', 'b-0', '--', 'buildctl', 'dial-stdio'],
      ],
    },
  ],
  [
    'ssh://me@host:2222/run/b.sock',
    {
      argv: [
        ...['ssh', '-T', '-o', 'BatchMode=yes', '-l', 'me', '-p', '2222', '--', 'host'],
        ...['buildctl', '--addr=unix:///run/b.sock', 'dial-stdio'],
      ],
    },
  ],
])('%s is an address', (text, expected) => {
  expect(readAddress(text)).toMatchObject({ text, ...expected })
})

test.each([
  ['unix://relative.sock', 'absolute'],
  ['tcp://host', 'tcp://HOST:PORT'],
  ['tcp://host:1/path', 'tcp://HOST:PORT'],
  ['tcp://user@host:1', 'tcp://HOST:PORT'],
  ['tls://host:1?cafile=x', 'unknown parameter cafile'],
  ['docker-container://-v', 'letters'],
  ['docker-container://', 'letters'],
  ['docker-container://a/b', 'letters'],
  ['docker-container://a?x=1', 'unknown parameter x'],
  ['kube-pod://pod?namespace=--as', 'unusual characters'],
  ['kube-pod://pod;id', 'letters'],
  ['kube-pod://pod?context=$(id)', 'unusual characters'],
  ['tls://host:1?cert=/c.pem', 'belong together'],
  ['ssh://host name', 'not a URL'],
  ['ssh://host`id`', 'host'],
  ['ssh://-oProxyCommand=id', 'host'],
  ['ssh://-l@host', 'user'],
  ['ssh://host/a;id', 'shell'],
  ['ssh://me:secret@host', 'password'],
  ['http://host:1', 'Use unix://'],
  ['buildkitd', 'Use unix://'],
])('%s is refused', (text, why) => {
  expect(() => readAddress(text)).toThrow(
    expect.objectContaining({ code: 'ENGINE_ADDRESS', remedy: expect.stringContaining(why) }),
  )
})

test('an unencrypted address of another machine is refused unless that is meant', () => {
  expect(() => readAddress('tcp://builder:1234')).toThrow(
    expect.objectContaining({ code: 'ENGINE_ADDRESS', message: expect.stringContaining('unencrypted') }),
  )
})

/** A folder of docker's, with contexts and builders. */
function dockerFolder(contexts: Readonly<Record<string, object>>, builders: Readonly<Record<string, object>> = {}) {
  const id = (name: string) => createHash('sha256').update(name).digest('hex')
  return writeFiles(temporaryFolder(), {
    ...Object.fromEntries(
      Object.entries(contexts).map(([name, docker]) => [
        `contexts/meta/${id(name)}/meta.json`,
        JSON.stringify({ Name: name, Endpoints: { docker } }),
      ]),
    ),
    ...Object.fromEntries(
      Object.entries(builders).map(([name, builder]) => [`buildx/instances/${name}`, JSON.stringify(builder)]),
    ),
  })
}

function find(text: string, folder: string) {
  const choice = findBuilders(text, { DOCKER_CONFIG: folder })
  return choice.kind === 'engine' ? choice.address : choice
}

test('a password is not shown', () => {
  expect(() => readAddress('ssh://me:secret@host')).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('secret') }),
  )
})

test.each(['default', 'local'])('%s is this machine', (name) => {
  expect(findBuilders(name, {})).toEqual({ kind: 'local' })
})

test('auto is neither an address nor a name', () => {
  const folder = dockerFolder({ auto: { Host: 'unix:///run/other.sock' } })
  expect(find('auto', folder)).toEqual({ kind: 'auto' })
  expect(find('docker://auto', folder)).toMatchObject({ kind: 'socket' })
})

test('several engines are told apart by commas, each for a platform or for what it can', () => {
  const folder = dockerFolder({ far: { Host: 'unix:///run/far.sock' } })
  expect(find('linux/arm64=tcp://127.0.0.1:1,linux/arm/v7=far,linux/amd64=local,far,default', folder)).toMatchObject({
    kind: 'several',
    builders: [
      { platform: 'linux/arm64', address: { kind: 'tcp', port: 1 } },
      { platform: 'linux/arm/v7', address: { text: 'far' } },
      { platform: 'linux/amd64', address: 'local' },
      { platform: undefined, address: { text: 'far' } },
      { platform: undefined, address: 'local' },
    ],
  })
  expect(find('linux/amd64=far', folder)).toMatchObject({ kind: 'several', builders: [{ platform: 'linux/amd64' }] })
  for (const wrong of ['far,', 'linux/arm64=', 'linux/arm64=auto', ',', 'far,auto'])
    expect(() => find(wrong, folder), wrong).toThrow(expect.objectContaining({ code: 'ENGINE_ADDRESS' }))
  expect(() => find('far,nobody', folder)).toThrow(expect.objectContaining({ code: 'ENGINE_UNKNOWN' }))
})

test('a docker context is found by its name, with its TLS files', () => {
  const folder = dockerFolder({
    near: { Host: 'unix:///run/other.sock' },
    far: { Host: 'tcp://far:2376' },
    over: { Host: 'ssh://me@far' },
  })
  const id = createHash('sha256').update('far').digest('hex')
  writeFiles(folder, { [`contexts/tls/${id}/docker/ca.pem`]: 'ca' })
  expect(find('near', folder)).toEqual({ text: 'near', kind: 'socket', path: '/run/other.sock' })
  expect(find('docker://near', folder)).toEqual(find('near', folder))
  expect(find('far', folder)).toMatchObject({
    kind: 'tls',
    files: { ca: join(folder, `contexts/tls/${id}/docker/ca.pem`) },
  })
  expect(find('over', folder)).toMatchObject({
    argv: ['ssh', '-T', '-o', 'BatchMode=yes', '-l', 'me', '--', 'far', 'docker', 'system', 'dial-stdio'],
  })
  expect(find('docker://default', folder)).toMatchObject({ path: '/var/run/docker.sock' })
})

test('a builder of buildx is found by its name', () => {
  const node = (Endpoint: string, more: object = {}) => [{ Name: 'n0', Endpoint, ...more }]
  const folder = dockerFolder(
    { near: { Host: 'unix:///run/other.sock' } },
    {
      own: { Driver: 'docker-container', Nodes: node('unix:///var/run/docker.sock') },
      daemon: { Driver: 'docker', Nodes: node('near') },
      odd: { Driver: 'docker-container', Nodes: node('-H') },
      far: { Driver: 'remote', Nodes: node('tcp://far:1', { DriverOpts: { cacert: '/ca', servername: 's' } }) },
      pods: { Driver: 'kubernetes', Nodes: node('kubernetes:///pods') },
      two: {
        Driver: 'remote',
        Nodes: [
          ...node('tcp://127.0.0.1:1'),
          ...node('tcp://127.0.0.1:2', { Name: 'n1', Platforms: [{ os: 'linux', architecture: 'arm64' }] }),
        ],
      },
      broken: {},
    },
  )
  const argv = ['docker', '--host=unix:///var/run/docker.sock', 'exec', '-i', 'buildx_buildkit_n0', 'buildctl']
  expect(find('own', folder)).toMatchObject({ text: 'own', argv: [...argv, 'dial-stdio'] })
  expect(find('daemon', folder)).toMatchObject({ kind: 'socket', path: '/run/other.sock' })
  expect(find('far', folder)).toMatchObject({ kind: 'tls', files: { ca: '/ca', serverName: 's' } })
  expect(find('two', folder)).toMatchObject({
    kind: 'several',
    builders: [
      { address: { text: 'two (n0)', port: 1 } },
      { platform: 'linux/arm64', address: { text: 'two (n1)', port: 2 } },
    ],
  })
  for (const name of ['pods', 'broken', 'odd'])
    expect(() => find(name, folder)).toThrow(expect.objectContaining({ code: 'ENGINE_UNKNOWN' }))
})

test.each(['nobody', '../x', '-x', 'docker://nobody', 'a b'])('%s is nobody’s name', (name) => {
  expect(() => find(name, temporaryFolder())).toThrow(expect.objectContaining({ code: 'ENGINE_UNKNOWN' }))
})

test('an unknown name is told with those that are known', () => {
  const folder = dockerFolder({ far: { Host: 'unix:///a' } }, { farm: { Driver: 'docker', Nodes: [] } })
  writeFiles(folder, { 'contexts/meta/other/meta.json': 'no JSON', 'buildx/instances/.tmp-1': '' })
  expect(() => find('frm', folder)).toThrow(
    expect.objectContaining({
      code: 'ENGINE_UNKNOWN',
      remedy: expect.stringMatching(
        /^Known: default \(this machine\), auto, farm \(buildx\), far \(docker context\);.* Did you mean farm\?$/,
      ),
    }),
  )
})

test('DOCKER_CERT_PATH is where the files of tls:// are', () => {
  const folder = writeFiles(temporaryFolder(), { 'ca.pem': 'ca', 'key.pem': 'key' })
  const files = { ca: join(folder, 'ca.pem'), key: join(folder, 'key.pem'), serverName: 's' }
  expect(findBuilders('tls://b:1?servername=s', { DOCKER_CERT_PATH: folder })).toMatchObject({ address: { files } })
  expect(findBuilders('tls://b:1?ca=/own', { DOCKER_CERT_PATH: folder })).toMatchObject({
    address: { files: { ca: '/own', key: undefined } },
  })
})
