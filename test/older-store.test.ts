import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openQuickBench } from './kit/call-tare.ts'
import { faultsOf } from './kit/check-store.ts'
import { noise } from './kit/cli.ts'

// A store as the version before wrote it: open to others, without marks of processes, without notes of sound blobs and without a copy
// of its index.json, with what its processes left under the names that they had then.

/** Names this boot's PID namespace, as both versions do. */
function space(): string {
  const text = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8') + readlinkSync('/proc/self/ns/pid')
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}

async function openOlder() {
  const bench = openQuickBench({
    Dockerfile: 'FROM scratch\nCOPY data /\n',
    data: noise(200_000),
    child: 'FROM x\nCOPY data /b\n',
  })
  const id = await bench.succeed(['build', '-q', '-t', 'x', 'context'])
  const own = join(bench.home, 'tare')
  for (const name of ['alive', 'verified', 'index.json']) rmSync(join(own, name), { recursive: true, force: true })
  for (const path of [own, join(bench.home, 'blobs'), ...readdirSync(own).map((name) => join(own, name))])
    chmodSync(path, 0o755)
  chmodSync(join(bench.home, 'index.json'), 0o644)
  const blobs = join(bench.home, 'blobs/sha256')
  const layer = readdirSync(blobs).find((name) => statSync(join(blobs, name)).size > 200_000)!
  return { ...bench, id, own, layer: join(blobs, layer) }
}

test.skipIf(process.platform !== 'linux')(
  'a store that the version before wrote is opened, closed to others and used',
  async () => {
    const { home, id, own, succeed } = await openOlder()
    expect(await succeed(['images', '-q', '--no-trunc'])).toBe(id)
    for (const path of [own, join(home, 'blobs')]) expect(statSync(path).mode & 0o777).toBe(0o700)
    await succeed(['save', '-o', 'x.tar', 'x'])
    expect((await succeed(['build', '--progress=plain', '-t', 'x', 'context'])).length).toBe(0)
    await succeed(['build', '-q', '-t', 'y', '-f', 'context/child', 'context'])
    await succeed(['rmi', 'y'])
    await succeed(['builder', 'prune', '-af'])
    expect(await succeed(['images', '--format', '{{.Repository}}'])).toContain('x\n')
    expect(await faultsOf(home)).toEqual([])
  },
)

test.skipIf(process.platform !== 'linux')(
  'what its dead processes left goes, and what is young of another boot stays',
  async () => {
    const { home, own, succeed, tare } = await openOlder()
    const old = (path: string) => utimesSync(path, Date.now() / 1000 - 400, Date.now() / 1000 - 400)
    const dead = `${space()}-4194303`
    const files = {
      gone: [`scratch/${dead}-0123456789ab`, `leases/${dead}-0123456789ab`, 'scratch/deadbeef-1-old'],
      stays: ['scratch/deadbeef-1-young', `scratch/${space()}-${process.pid}-0123456789ab`],
    }
    for (const name of Object.values(files).flat()) {
      mkdirSync(join(own, name, '..'), { recursive: true })
      writeFileSync(join(own, name), '')
    }
    old(join(own, 'scratch/deadbeef-1-old'))
    writeFileSync(join(own, 'lock'), `${dead}-01234567`)
    await succeed(['tag', 'x', 'y'])
    expect(existsSync(join(own, 'lock'))).toBe(false)
    await succeed(['build', '-q', '-t', 'z', 'context'])
    expect(
      Object.values(files)
        .flat()
        .filter((name) => existsSync(join(own, name))),
    ).toEqual(files.stays)
    for (const name of files.stays) rmSync(join(own, name))
    // The lease of a dead process holds nothing.
    writeFileSync(join(own, `leases/${dead}-0123456789ab`), '')
    utimesSync(join(own, `leases/${dead}-0123456789ab`), 1000, 1000)
    await succeed(['rmi', 'x', 'y', 'z'])
    const { out } = await tare(['builder', 'prune', '-af'])
    expect(out).not.toContain('space: 0B')
    expect(readdirSync(join(home, 'blobs/sha256'))).toEqual([])
  },
)

test.skipIf(process.platform !== 'linux')(
  'a layer that was damaged before anything was noted of it is found out',
  async () => {
    const { layer, tare, succeed } = await openOlder()
    const bytes = readFileSync(layer)
    writeFileSync(layer, bytes.fill(0, 1000))
    expect(await tare(['build', '-q', '-f', 'context/child', 'context'])).toMatchObject({ code: 1 })
    await succeed(['build', '-q', '-t', 'x', 'context'])
    await succeed(['build', '-q', '-f', 'context/child', 'context'])
  },
)
