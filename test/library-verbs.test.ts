import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openTare, type Tare } from '../src/index.ts'
import { temporaryFolder } from './kit/cli.ts'

// What holds for every verb of the library, whichever it is.

type Verb = (...args: unknown[]) => Promise<unknown>

/** Every function of the library by its path: `images.list`. */
function verbsOf(value: object, path = ''): Map<string, Verb> {
  const found = new Map<string, Verb>()
  for (const [key, member] of Object.entries(value)) {
    const name = path === '' ? key : `${path}.${key}`
    if (name === 'images.readFile')
      found.set(name, async (options) => first((member as Tare['images']['readFile'])(options as never)))
    else if (typeof member === 'function') found.set(name, member as Verb)
    else if (typeof member === 'object') for (const entry of verbsOf(member, name)) found.set(...entry)
  }
  return found
}

async function first(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  for await (const chunk of bytes) return chunk
  return undefined
}

/** What each verb is called with: arguments before the options, and options that it takes. */
function callsIn(folder: string): Readonly<Record<string, readonly [readonly string[], object]>> {
  const name = '127.0.0.1:9/app:1'
  const from = { path: join(folder, 'from.tar') }
  const empty = { context: { kind: 'empty' }, dockerfile: { text: 'FROM scratch\n' } }
  return {
    build: [[], { ...empty, tags: ['app'] }],
    checkDockerfile: [[], empty],
    outline: [[], empty],
    targets: [[], empty],
    run: [[], { image: name }],
    doctor: [[], {}],
    diskUsage: [[], {}],
    version: [[], {}],
    info: [[], {}],
    'images.list': [[], {}],
    'images.names': [[], {}],
    'images.inspect': [['app'], {}],
    'images.history': [['app'], {}],
    'images.tag': [['app', 'other'], {}],
    'images.remove': [[], { names: ['app'] }],
    'images.prune': [[], {}],
    'images.save': [[], { names: ['app'], to: { path: join(folder, 'to.tar') } }],
    'images.append': [[], { image: name, layers: [{ path: join(folder, 'layer.tar') }] }],
    'images.mutate': [[], { image: name, labels: { a: 'b' } }],
    'images.rebase': [[], { image: name }],
    'images.flatten': [[], { image: name }],
    'images.diff': [[], { a: name, b: name }],
    'images.diffFile': [[], { a: name, b: name, path: '/a' }],
    'images.layers': [[], { image: name }],
    'images.contents': [[], { image: name }],
    'images.files': [[], { image: name }],
    'images.readFile': [[], { image: name, path: '/a' }],
    'images.why': [[], { image: name, path: '/a' }],
    'images.export': [[], { image: name, to: { path: join(folder, 'root.tar') } }],
    'images.copyOut': [[], { image: name, path: '/a', to: { path: join(folder, 'a') } }],
    'images.check': [[], { image: name }],
    'images.sbom': [[], { image: name }],
    'images.weigh': [[], { image: name }],
    'images.load': [[], { from }],
    'images.import': [[], { from }],
    'registry.pull': [[], { name }],
    'registry.pullAll': [[], { name: '127.0.0.1:9/app' }],
    'registry.push': [[], { name }],
    'registry.pushAll': [[], { name: '127.0.0.1:9/app' }],
    'registry.copy': [[], { from: name, to: `oci:${folder}/layout` }],
    'registry.login': [[], { registry: '127.0.0.1:9', user: 'u', password: 'p' }],
    'registry.logout': [[], {}],
    'registry.digest': [[], { name }],
    'registry.manifest': [[], { name }],
    'registry.config': [[], { name }],
    'registry.tags': [[], { name: '127.0.0.1:9/app' }],
    'registry.referrers': [[], { name }],
    'registry.remove': [[], { name }],
    'index.create': [[], { name, images: ['127.0.0.1:9/app:2'] }],
    'index.annotate': [[], { name, annotations: { a: 'b' } }],
    'cache.prune': [[], {}],
    'cache.usage': [[], {}],
    'cache.pruneShared': [[], { cache: { type: 'local', path: join(folder, 'cache') }, keepFor: '14d' }],
    'cache.mounts': [[], {}],
    'cache.exportMounts': [[], { to: join(folder, 'mounts.tar') }],
    'cache.importMounts': [[], { from: join(folder, 'mounts.tar') }],
  }
}

async function open() {
  const folder = temporaryFolder()
  const tare: Tare = await openTare({ home: join(folder, 'home'), environment: { HOME: folder } })
  return { folder, verbs: verbsOf(tare), calls: callsIn(folder) }
}

// Opening the library reads and makes nothing.
const all = verbsOf(await openTare({ home: '/not/there', environment: {} }))
const known = callsIn('/not/there')

test('this file calls every verb', () => {
  expect(Object.keys(known).filter((name) => !all.has(name))).toEqual([])
  expect([...all.keys()].filter((name) => known[name] === undefined)).toEqual([])
})

test.each([...all.keys()])('%s rejects with the reason of a signal that has fired, and does nothing', async (name) => {
  const { folder, verbs, calls } = await open()
  const [args, options] = calls[name]!
  const reason = new Error('enough')
  const signal = AbortSignal.abort(reason)
  await expect(verbs.get(name)!(...args, { ...options, signal })).rejects.toBe(reason)
  expect(readdirSync(folder)).toEqual([])
})

test.each([...all.keys()])('%s refuses options that it does not have, and values of another type', async (name) => {
  const { folder, verbs, calls } = await open()
  const [args, options] = calls[name]!
  const refused = async (given: unknown, ...told: readonly string[]) => {
    const error = await verbs.get(name)!(...args, given).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'TareError', code: 'OPTION_INVALID' })
    for (const text of [name, ...told]) expect((error as Error).message).toContain(text)
  }
  await refused({ ...options, sginal: 1 }, 'sginal')
  await refused({ ...options, signal: 'now' }, 'signal', 'AbortSignal')
  await refused({ ...options, report: {} }, 'report', 'a function')
  await refused('app', 'an object')
  for (const key of Object.keys(options)) await refused({ ...options, [key]: 5 }, key)
  for (const [i] of args.entries()) {
    const error = await verbs.get(name)!(...args.with(i, {} as string)).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'OPTION_INVALID' })
  }
  expect(existsSync(join(folder, 'home'))).toBe(false)
})

test('opening the library refuses what it does not know', async () => {
  await expect(openTare({ hom: 'x' } as object)).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    remedy: 'Did you mean home?',
  })
  await expect(openTare({ environment: { A: 1 } } as object)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
})

test('version and info tell of tare, its store and the machine', async () => {
  const tare = await openTare({ home: join(temporaryFolder(), 'home') })
  const version = await tare.version()
  expect(version).toMatchObject({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    nodeVersion: process.versions.node,
  })
  const dockerfile = { text: 'FROM scratch\nLABEL a=b\n' }
  expect((await tare.info()).images).toBe(0)
  await tare.build({ context: { kind: 'empty' }, dockerfile, tags: ['app'] })
  expect(await tare.info()).toMatchObject({
    ...version,
    home: tare.home,
    images: 1,
    platform: expect.stringMatching(/^linux\//),
  })
})
