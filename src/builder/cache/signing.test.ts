import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { buildBench, registryOfTest } from '../../../test/kit/build-bench.ts'
import { temporaryFolder } from '../../../test/kit/cli.ts'

const lines = ['FROM scratch', 'COPY a /']

/** Two files with a key pair. */
function keyPair(type: 'ed25519' | 'ed448' = 'ed25519') {
  const folder = temporaryFolder()
  const made = type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ed448')
  const [sign, verify] = [join(folder, 'key'), join(folder, 'key.pub')]
  writeFileSync(sign, made.privateKey.export({ format: 'pem', type: 'pkcs8' }))
  writeFileSync(verify, made.publicKey.export({ format: 'pem', type: 'spki' }))
  return { sign, verify }
}

test('only what the owner of the key has signed is used', async () => {
  const registry = await registryOfTest()
  const cache = { type: 'registry', ref: `${registry.host}/app:cache` } as const
  const [own, others] = [keyPair(), keyPair()]
  const write = async (a: string, sign?: string) =>
    (await buildBench({ a })).build(lines, { cacheTo: [{ ...cache, ...(sign === undefined ? {} : { sign }) }] })
  const read = async (a: string, verify?: string) =>
    (await buildBench({ a })).build(lines, { cacheFrom: [{ ...cache, ...(verify === undefined ? {} : { verify }) }] })
  await write('own', own.sign)
  await write('others', others.sign)
  await write('unsigned')
  expect((await read('own', own.verify)).cached.length).toBe(1)
  for (const a of ['others', 'unsigned']) {
    const { cached, warnings } = await read(a, own.verify)
    expect(cached).toEqual([])
    expect(warnings).toEqual([
      expect.stringMatching(/:cache is only partly used: 2 of its 3 steps are not signed with the given key$/),
    ])
  }
  expect((await read('unsigned')).cached.length).toBe(1)
  const { warnings } = await read('own', keyPair().verify)
  expect(warnings).toEqual([expect.stringMatching(/:cache is not used: nothing in it is signed with the given key$/)])
})

test('a signature holds for exactly what was signed, and an unsigned writer leaves it', async () => {
  const registry = await registryOfTest()
  const cache = { type: 'registry', ref: `${registry.host}/app:cache` } as const
  const { sign, verify } = keyPair()
  const bench = await buildBench({ a: 'a' })
  await bench.build(lines, { cacheTo: [{ ...cache, sign }] })
  await bench.build(lines, { cacheTo: [cache] })
  const read = async () => (await buildBench({ a: 'a' })).build(lines, { cacheFrom: [{ ...cache, verify }] })
  expect((await read()).cached.length).toBe(1)
  const { type, bytes } = registry.manifests.get('cache')!
  const manifest = JSON.parse(bytes.toString()) as { config: { digest: string; size: number } }
  const config = registry.blobs.get(manifest.config.digest)!.toString()
  const forged = Buffer.from(config.replace(/"created":"\d/, '"created":"1'))
  expect(forged.toString()).not.toBe(config)
  manifest.config = { ...manifest.config, digest: registry.addBlob(forged), size: forged.length }
  registry.addManifest(type, manifest, 'cache')
  expect((await read()).cached).toEqual([])
})

test('a key that is missing, of another kind or no key at all is an error before any work', async () => {
  const { sign, verify } = keyPair('ed448')
  const bench = await buildBench({ a: 'a' })
  const cache = { type: 'registry', ref: '127.0.0.1:1/app:cache' } as const
  for (const path of [sign, `${sign}.none`, import.meta.filename])
    await expect(bench.build(lines, { cacheTo: [{ ...cache, sign: path }] })).rejects.toMatchObject({
      code: 'KEY_INVALID',
    })
  await expect(bench.build(lines, { cacheTo: [{ ...cache, sign: keyPair('ed25519').verify }] })).rejects.toThrow(
    /holds a public key, which verifies, and signs nothing$/,
  )
  for (const path of [verify, `${verify}.none`, import.meta.filename])
    await expect(bench.build(lines, { cacheFrom: [{ ...cache, verify: path }] })).rejects.toMatchObject({
      code: 'KEY_INVALID',
    })
})
