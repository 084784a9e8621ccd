import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import type { Environment } from '../../../net/index.ts'
import { findCredentials } from './credentials.ts'

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') })

function home() {
  const folder = temporaryFolder()
  const file = (path: string, value: unknown) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), typeof value === 'string' ? value : JSON.stringify(value))
    return join(folder, path)
  }
  const find = (registry: string, repository = 'app', more: Environment = {}) =>
    findCredentials(registry, repository, { HOME: folder, ...more })
  return { file, find, folder }
}

const docker = '.docker/config.json'
const podman = '.config/containers/auth.json'

test.each([
  '',
  ' ',
  '\n\n',
  '\uFEFF',
  'null',
  '{}',
  '{"auths":null,"credHelpers":null,"credsStore":null}',
  '{"credsStore":""}',
])('a file of %j says nothing of anybody, and the next one is asked', async (text) => {
  const { file, find } = home()
  file(docker, text)
  expect(await find('example.com')).toBeUndefined()
  file(podman, { auths: { 'example.com': auth('ada:p') } })
  expect(await find('example.com')).toMatchObject({ user: 'ada' })
})

test.each([
  '[]',
  '"text"',
  '7',
  '{',
  'nonsense',
  '{"auths":[]}',
  '{"auths":7}',
  '{"credsStore":7}',
  '{"credHelpers":"x"}',
  '{"credHelpers":{"a":7}}',
])('a file of %s is an error that names it', async (text) => {
  const { file, find } = home()
  const path = file(docker, text)
  await expect(find('example.com')).rejects.toMatchObject({
    code: 'CREDENTIALS_INVALID',
    message: expect.stringContaining(path),
  })
})

test('null, numbers, lists and objects beside what is read are no matter', async () => {
  const { file, find } = home()
  file(docker, {
    ...{ HttpHeaders: { 'User-Agent': 'x' }, detachKeys: null, proxies: 7, plugins: [] },
    credHelpers: { 'other.example': null },
    auths: {
      'broken.example': 7,
      'example.com': {
        ...auth('ada:p'),
        email: null,
        expires: 5,
        more: { a: [] },
        identitytoken: null,
        password: null,
      },
    },
  })
  expect(await find('example.com')).toMatchObject({ user: 'ada', password: 'p' })
})

test.each([
  { entry: 7 },
  { entry: 'text' },
  { entry: [7] },
  { entry: { auth: 7 } },
  { entry: { auth: {} } },
  { entry: { identitytoken: [] } },
  { entry: { auth: 'bm9jb2xvbg==' } },
])('a login of $entry is an error where it is wanted, and nowhere else', async ({ entry }) => {
  const { file, find } = home()
  file(docker, { auths: { 'example.com': entry, 'other.example': auth('ada:p') } })
  await expect(find('example.com')).rejects.toMatchObject({ code: 'CREDENTIALS_INVALID' })
  expect(await find('other.example')).toMatchObject({ user: 'ada' })
})

describe('the key of a login', () => {
  test.each([
    'example.com:5000',
    'https://example.com:5000',
    'https://example.com:5000/',
    'https://example.com:5000/v1/',
    'https://example.com:5000/v2',
    'https://example.com:5000/any/path',
    'HTTPS://Example.com:5000/',
    'example.com:5000/',
    'example.com:5000/v1/',
    'example.com:5000/v2/',
  ])('%s is for example.com:5000', async (key) => {
    const { file, find } = home()
    file(docker, { auths: { [key]: auth('ada:p') } })
    expect(await find('example.com:5000', 'team/app')).toMatchObject({ user: 'ada' })
    for (const other of ['example.com', 'example.com:5001', 'sub.example.com:5000', 'xexample.com:5000'])
      expect(await find(other, 'team/app')).toBeUndefined()
  })

  test.each([
    'https://index.docker.io/v1/',
    'https://index.docker.io/v1',
    'docker.io',
    'index.docker.io',
    'registry-1.docker.io',
    'https://registry-1.docker.io/v2/',
  ])('%s is for Docker Hub', async (key) => {
    const { file, find } = home()
    file(docker, { auths: { [key]: auth('ada:p') } })
    expect(await find('docker.io', 'library/alpine')).toMatchObject({ user: 'ada' })
    expect(await find('hub.example', 'library/alpine')).toBeUndefined()
  })

  test('of a repository, or of what is above it, comes before that of the registry; podman has such', async () => {
    const { file, find } = home()
    const names = ['example.com', 'example.com/team', 'example.com/team/app', 'example.com/tea', 'docker.io/ada']
    file(podman, { auths: Object.fromEntries(names.map((name) => [name, auth(`${name}:p`)])) })
    expect(await find('example.com', 'team/app')).toMatchObject({ user: 'example.com/team/app' })
    expect(await find('example.com', 'team/app/deep')).toMatchObject({ user: 'example.com/team/app' })
    expect(await find('example.com', 'team/other')).toMatchObject({ user: 'example.com/team' })
    expect(await find('example.com', 'teams/app')).toMatchObject({ user: 'example.com' })
    expect(await find('docker.io', 'ada/app')).toMatchObject({ user: 'docker.io/ada' })
    expect(await find('docker.io', 'library/alpine')).toBeUndefined()
  })

  test('an entry without anything in it hides no other spelling', async () => {
    const { file, find } = home()
    file(docker, { auths: { 'example.com': {}, 'https://example.com/v1/': auth('ada:p') } })
    expect(await find('example.com')).toMatchObject({ user: 'ada' })
  })
})

describe('the order', () => {
  test('DOCKER_AUTH_CONFIG comes before the files, and fills in for nobody else', async () => {
    const { file, find } = home()
    file(docker, { auths: { 'example.com': auth('file:p'), 'other.example': auth('file:p') } })
    const DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { 'https://example.com/v1/': auth('variable:p') } })
    expect(await find('example.com', 'app', { DOCKER_AUTH_CONFIG })).toMatchObject({
      user: 'variable',
      source: 'DOCKER_AUTH_CONFIG',
    })
    expect(await find('other.example', 'app', { DOCKER_AUTH_CONFIG })).toMatchObject({ user: 'file' })
    for (const empty of ['', ' ', 'null', '{}'])
      expect(await find('example.com', 'app', { DOCKER_AUTH_CONFIG: empty })).toMatchObject({ user: 'file' })
  })

  test('DOCKER_AUTH_CONFIG that is no JSON is an error that does not print it', async () => {
    const found = home().find('example.com', 'app', { DOCKER_AUTH_CONFIG: 'hunter2' })
    const error = await found.catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ code: 'CREDENTIALS_INVALID', message: expect.stringContaining('DOCKER_AUTH_CONFIG') })
    expect(JSON.stringify(error) + (error as Error).message).not.toContain('hunter2')
  })

  test('no program is started for what DOCKER_AUTH_CONFIG names as a helper', async () => {
    const DOCKER_AUTH_CONFIG = JSON.stringify({ credsStore: 'missing', credHelpers: { 'example.com': 'missing' } })
    expect(await home().find('example.com', 'app', { DOCKER_AUTH_CONFIG })).toBeUndefined()
  })

  test('REGISTRY_AUTH_FILE is the only one, as for podman', async () => {
    const { file, find } = home()
    file(docker, { auths: { 'example.com': auth('docker:p'), 'other.example': auth('docker:p') } })
    const REGISTRY_AUTH_FILE = file('own.json', { auths: { 'example.com': auth('own:p') } })
    const DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { 'example.com': auth('variable:p') } })
    expect(await find('example.com', 'app', { REGISTRY_AUTH_FILE, DOCKER_AUTH_CONFIG })).toMatchObject({ user: 'own' })
    expect(await find('other.example', 'app', { REGISTRY_AUTH_FILE })).toBeUndefined()
  })
})

test('a registry that is written in capitals has the login and the helper of the same in small ones', async () => {
  const { file, find, folder } = home()
  const script =
    '#!/bin/sh\nread server\n[ "$server" = reg.example:5000 ] || { echo credentials not found; exit 1; }\necho \'{"Username":"of-helper","Secret":"x"}\'\n'
  writeFileSync(join(folder, 'docker-credential-y'), script, { mode: 0o755 })
  const more = { PATH: `${folder}:${process.env['PATH']}` }
  for (const key of ['reg.example:5000', 'REG.example:5000']) {
    file(docker, { credHelpers: { [key]: 'y' }, auths: { 'reg.example:5000': auth('of-file:x') } })
    expect(await find('Reg.Example:5000', 'app', more)).toMatchObject({ user: 'of-helper' })
    expect(await find('Reg.Example:5001', 'app', more)).toBeUndefined()
    file(docker, { auths: { [key]: auth('of-file:x') } })
    expect(await find('Reg.Example:5000')).toMatchObject({ user: 'of-file' })
  }
})
