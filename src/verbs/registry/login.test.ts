import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry, type BadRegistryOptions } from '../../../test/kit/bad-registry.ts'
import { temporaryFolder as folder } from '../../../test/kit/cli.ts'
import { openLoginHome as open } from '../../../test/kit/login-home.ts'
import { openTare } from '../library.ts'

async function start(auth: BadRegistryOptions['auth'], more: BadRegistryOptions = {}): Promise<BadRegistry> {
  const registry = await BadRegistry.start({ auth, ...more })
  onTestFinished(() => registry.stop())
  return registry
}

const text = 'FROM scratch\nLABEL a=b\n'

for (const auth of ['basic', 'bearer'] as const)
  test(`after a login to a registry with ${auth}, pushes and pulls go through; after a logout, they do not`, async () => {
    const registry = await start(auth)
    const { tare, file, write, read } = await open()
    write({ psFormat: 'kept', auths: { 'other.example': { auth: 'eDp5' } } })
    const result = await tare.registry.login({ registry: registry.host, user: 'ada', password: 'secret' })
    expect(result).toEqual({ registry: registry.host, user: 'ada', storedIn: file, plaintext: true })
    expect(read()).toMatchObject({ psFormat: 'kept', auths: { 'other.example': { auth: 'eDp5' } } })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const name = `${registry.host}/app:1`
    await tare.build({ context: { kind: 'empty' }, dockerfile: { text }, tags: [name] })
    await tare.registry.push({ name })
    expect(await tare.registry.pull({ name })).toMatchObject({ upToDate: true })
    expect(await tare.registry.logout({ registry: registry.host })).toBe(true)
    expect(await tare.registry.logout({ registry: registry.host })).toBe(false)
    expect(read()).toEqual({ psFormat: 'kept', auths: { 'other.example': { auth: 'eDp5' } } })
    await expect(tare.registry.pull({ name })).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
  })

test('where the registry has a token for a password, the token is kept and the password is not', async () => {
  const registry = await start('bearer', { identity: true })
  const { tare, file, read } = await open()
  const name = `${registry.host}/app:1`
  await tare.registry.login({ registry: registry.host, user: 'ada', password: 'secret' })
  expect(read().auths[registry.host]).toEqual({
    auth: Buffer.from('ada:').toString('base64'),
    identitytoken: 'identity',
  })
  await tare.build({ context: { kind: 'empty' }, dockerfile: { text }, tags: [name] })
  await tare.registry.push({ name })
  expect(registry.countOf('POST /token')).toBeGreaterThan(0)
  expect(await tare.registry.login({ registry: registry.host })).toMatchObject({ user: 'ada', storedIn: file })
})

test('a token server that knows only POST gives one, too, and a helper keeps it as a token', async () => {
  const registry = await start('bearer', {
    identity: true,
    interfere: (request, response) => {
      if (request.method !== 'GET' || !request.url!.startsWith('/token')) return
      response.writeHead(405).end()
      return true
    },
  })
  const { tare, home, write } = await open()
  mkdirSync(join(home, 'bin'))
  writeFileSync(join(home, 'bin/docker-credential-note'), `#!/bin/sh\ncat > ${home}/noted\n`, { mode: 0o755 })
  write({ credsStore: 'note' })
  const { storedIn, plaintext } = await tare.registry.login({
    registry: registry.host,
    user: 'ada',
    password: 'secret',
  })
  expect([storedIn, plaintext]).toEqual(['docker-credential-note', false])
  expect(JSON.parse(readFileSync(join(home, 'noted'), 'utf8'))).toEqual({
    ServerURL: registry.host,
    Username: '<token>',
    Secret: 'identity',
  })
})

test('a wrong password is not kept', async () => {
  const registry = await start('basic')
  const { tare, file } = await open()
  const login = tare.registry.login({ registry: registry.host, user: 'ada', password: 'wrong' })
  await expect(login).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
  expect(() => statSync(file)).toThrow()
})

test('without a password, what is kept is checked, and told apart from nothing', async () => {
  const registry = await start('bearer')
  const { tare, file, write } = await open()
  await expect(tare.registry.login({ registry: registry.host })).rejects.toMatchObject({ code: 'CREDENTIALS_MISSING' })
  await tare.registry.login({ registry: registry.host, user: 'ada', password: 'secret' })
  const kept = { registry: registry.host, user: 'ada', storedIn: file, plaintext: false }
  expect(await tare.registry.login({ registry: registry.host })).toEqual(kept)
  write({ auths: { [registry.host]: { auth: Buffer.from('ada:old').toString('base64') } } })
  await expect(tare.registry.login({ registry: registry.host })).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
})

test('a new login replaces one under another form of the name', async () => {
  const registry = await start('basic')
  const { tare, write, read } = await open()
  write({ auths: { [`http://${registry.host}/v1/`]: { auth: Buffer.from('ada:old').toString('base64') } } })
  await tare.registry.login({ registry: registry.host, user: 'ada', password: 'secret' })
  expect(Object.keys(read().auths)).toEqual([registry.host])
  expect(await tare.registry.login({ registry: registry.host })).toMatchObject({ user: 'ada' })
  expect(await tare.registry.logout({ registry: registry.host })).toBe(true)
  expect(read().auths).toEqual({})
})

test('REGISTRY_AUTH_FILE, which is asked first, is where a login goes', async () => {
  const registry = await start('basic')
  const home = folder()
  const path = join(home, 'deep', 'auth.json')
  const environment = { HOME: home, REGISTRY_AUTH_FILE: path }
  const tare = await openTare({ home: join(home, 'store'), environment })
  const kept = await tare.registry.login({ registry: registry.host, user: 'ada', password: 'secret' })
  expect(kept).toMatchObject({ storedIn: path, plaintext: true })
  expect(await tare.registry.login({ registry: registry.host })).toMatchObject({ storedIn: path })
  expect(await tare.registry.logout({ registry: registry.host })).toBe(true)
})

test('a config file that cannot be read is not replaced', async () => {
  const registry = await start('basic')
  const { tare, home, file } = await open()
  mkdirSync(file, { recursive: true })
  const login = tare.registry.login({ registry: registry.host, user: 'ada', password: 'secret' })
  await expect(login).rejects.toMatchObject({ code: 'CREDENTIALS_INVALID' })
  expect(statSync(file).isDirectory()).toBe(true)
  rmSync(file, { recursive: true })
  for (const entry of [{ auth: 'bm9jb2xvbg==' }, { auth: 7 }]) {
    writeFileSync(join(home, '.docker', 'config.json'), JSON.stringify({ auths: { [registry.host]: entry } }))
    await expect(tare.registry.tags({ name: `${registry.host}/app` })).rejects.toMatchObject({
      code: 'CREDENTIALS_INVALID',
    })
  }
})

test('with a credential helper, the password goes there and not into the file', async () => {
  const registry = await start('basic')
  const { tare, home, write, read } = await open()
  mkdirSync(join(home, 'bin'))
  const script = `#!/bin/sh\ncase $1 in\nstore) cat >${home}/kept;;\nget) cat >/dev/null; cat ${home}/kept;;\nerase) rm ${home}/kept;;\nesac\n`
  writeFileSync(join(home, 'bin', 'docker-credential-mine'), script, { mode: 0o755 })
  write({ credsStore: 'mine' })
  expect(await tare.registry.login({ registry: registry.host, user: 'ada', password: 'secret' })).toMatchObject({
    storedIn: 'docker-credential-mine',
    plaintext: false,
  })
  expect(read()).toEqual({ credsStore: 'mine' })
  await expect(tare.registry.tags({ name: `${registry.host}/app` })).rejects.toMatchObject({
    code: 'REGISTRY_NOT_FOUND',
  })
})
