import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import {
  readContextFlag,
  readHostFlag,
  readLimitFlag,
  readSecretFlag,
  readSshFlag,
  readVolumeFlag,
} from './flag-values.ts'

test.each([
  ['id=x,src=a/b', { id: 'x', path: 'a/b', cache: 'none' }],
  ['type=file,id=x,source=a', { id: 'x', path: 'a', cache: 'none' }],
  ['id=x,env=TOKEN', { id: 'x', variable: 'TOKEN', cache: 'none' }],
  ['id=x,type=env,src=TOKEN', { id: 'x', variable: 'TOKEN', cache: 'none' }],
  ['id=TOKEN', { id: 'TOKEN', variable: 'TOKEN', cache: 'none' }],
  ['id=TOKEN,type=env', { id: 'TOKEN', variable: 'TOKEN', cache: 'none' }],
  ['id=TOKEN,type=file', { id: 'TOKEN', path: 'TOKEN', cache: 'none' }],
  ['ID=x,cache=content', { id: 'x', path: 'x', cache: 'content' }],
])('--secret %s is read as buildx does', (text, secret) => {
  expect(readSecretFlag(text, { TOKEN: 't' })).toEqual(secret)
})

test.each(['src=x', 'id', 'id=x,type=vault', 'id=x,mode=1', 'id=x,cache=always', 'id=x,toString=1', ''])(
  '--secret %j is refused',
  (text) => {
    expect(() => readSecretFlag(text, {})).toThrow('invalid secret')
  },
)

test('an agent is the default one, a socket, or keys', () => {
  expect(readSshFlag('default')).toEqual({ id: 'default' })
  expect(readSshFlag('git=/run/agent')).toEqual({ id: 'git', paths: ['/run/agent'] })
  expect(readSshFlag('git=a,b')).toEqual({ id: 'git', paths: ['a', 'b'] })
})

test('hosts, limits and volumes are read as docker does', () => {
  expect(readHostFlag('db:10.0.0.1')).toEqual({ name: 'db', address: '10.0.0.1' })
  expect(readHostFlag('db=[::1]')).toEqual({ name: 'db', address: '::1' })
  expect(readLimitFlag('nofile=1024')).toEqual({ name: 'nofile', soft: 1024, hard: 1024 })
  expect(readLimitFlag('nofile=1024:-1')).toEqual({ name: 'nofile', soft: 1024, hard: -1 })
  expect(readVolumeFlag('./a:/b:ro')).toEqual({ type: 'bind', source: './a', target: '/b', readonly: true })
  expect(readVolumeFlag('/a:/b')).toEqual({ type: 'bind', source: '/a', target: '/b', readonly: false })
})

test.each([
  [() => readHostFlag('db'), 'invalid host "db"'],
  [() => readLimitFlag('nofile'), 'invalid ulimit "nofile"'],
  [() => readLimitFlag('nofile=many'), 'invalid ulimit "nofile=many"'],
  [() => readVolumeFlag('/a'), 'invalid volume "/a"'],
  [() => readVolumeFlag('a:/b'), 'invalid volume "a:/b"'],
  [() => readVolumeFlag('/a:/b:z'), 'invalid volume "/a:/b:z"'],
])('%s is refused', (read, message) => {
  expect(read).toThrow(message)
})

const digest = `sha256:${'a'.repeat(64)}`

test.each([
  ['docs', { kind: 'directory', path: 'docs' }],
  ['docker-image://alpine:3', { kind: 'image', name: 'alpine:3' }],
  ['docker-image://scratch', { kind: 'image', name: 'scratch' }],
  ['oci-layout://a/b:1', { kind: 'layout', path: 'a/b', tag: '1', digest: undefined }],
  [`oci-layout:///a@${digest}`, { kind: 'layout', path: '/a', tag: undefined, digest }],
  ['oci-layout://a', { kind: 'layout', path: 'a', tag: undefined, digest: undefined }],
  ['target:stage', { kind: 'stage', name: 'stage' }],
  ['https://example.com/x.git#main', { kind: 'remote', address: 'https://example.com/x.git#main' }],
  ['git@example.com:x.git', { kind: 'remote', address: 'git@example.com:x.git' }],
  ['github.com/x/y', { kind: 'remote', address: 'github.com/x/y' }],
])('--build-context x=%s is read as buildx does', (value, context) => {
  expect(readContextFlag('x', value)).toEqual(context)
})

test('a folder that is there is no address, and an unknown kind of context is refused', () => {
  const folder = join(temporaryFolder(), 'git@host:x')
  mkdirSync(folder)
  expect(readContextFlag('x', folder)).toEqual({ kind: 'directory', path: folder })
  expect(() => readContextFlag('x', 'vault://a')).toThrow('the context x=vault://a has an unknown scheme: vault')
})
