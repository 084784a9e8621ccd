import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { faultsOf } from './kit/check-store.ts'
import { type Bench, isRoot, noise, openBench, ordinaryUser } from './kit/cli.ts'
import { canMount, mountOn, unlessMissing } from './kit/needs.ts'
import { onDisk } from './kit/on-disk.ts'
import { refused } from './kit/refused.ts'

onDisk()

// Disks that cannot be written or are full: a clear answer, and nothing half-written.

const small = { Dockerfile: 'FROM scratch\nCOPY data /\n', data: 'data' }

const canBeOrdinary = unlessMissing(isRoot, 'only root can forbid a folder to the one who builds')

describe('a store that cannot be written', () => {
  const remedy = 'Set TARE_HOME to a folder you can write to'

  test.skipIf(!canBeOrdinary)('because it is somebody else’s', async () => {
    const bench = openBench(small)
    await refused(bench, ['build', 'context'], new RegExp(`permission denied\\n.*${remedy}`), ordinaryUser)
    await bench.succeed(['build', '-q', '-t', 'x', 'context'])
    for (const argv of [
      ['build', 'context'],
      ['tag', 'x', 'y'],
      ['rmi', 'x'],
      ['import', 'context/data'],
    ])
      await refused(bench, argv, /permission denied/, ordinaryUser)
    // Nor may others look into it.
    await refused(bench, ['images', '-q'], /cannot be read: .*permission denied/, ordinaryUser)
    expect(await faultsOf(bench.home)).toEqual([])
  })

  test('because it is a file, or below one', async () => {
    const bench = openBench(small)
    writeFileSync(bench.home, 'a file')
    await refused(bench, ['build', 'context'], new RegExp(`not a folder is in the way\\n.*${remedy}`))
    const below = { ...bench, tare: (argv: readonly string[]) => bench.tare(argv, { home: join(bench.home, 'x') }) }
    await refused(below, ['build', 'context'], new RegExp(`not a folder is in the way\\n.*${remedy}`))
    expect(readFileSync(bench.home, 'utf8')).toBe('a file')
  })

  test.skipIf(!canMount())('because the filesystem is read-only', async () => {
    const bench = openBench(small)
    await bench.succeed(['build', '-q', '-t', 'x', 'context'])
    mountOn(bench.home, '--bind', '-o', 'ro', bench.home)
    await refused(bench, ['build', 'context'], /read-only\n.*TARE_HOME/)
    await bench.succeed(['save', '-o', 'x.tar', 'x'])
  })
})

describe.skipIf(!canMount())('a full disk', () => {
  function openSmallDisk(): Bench {
    const bench = openBench({ ...small, large: noise(3 << 20), 'Dockerfile.large': 'FROM scratch\nCOPY large /\n' })
    mkdirSync(bench.home)
    mountOn(bench.home, '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs')
    return bench
  }

  test('is told with what to do, and what was there before stays', async () => {
    const bench = openSmallDisk()
    const id = await bench.succeed(['build', '-q', '-t', 'x', 'context'])
    const large = ['build', '--progress=none', '-t', 'x', '-f', 'context/Dockerfile.large', 'context']
    await refused(bench, large, /no space left .*\n.*prune.*TARE_HOME/)
    expect(await faultsOf(bench.home)).toEqual([])
    expect(await bench.succeed(['images', '-q', '--no-trunc'])).toBe(id)
    expect(await bench.succeed(['build', '-q', '-t', 'x', 'context'])).toBe(id)
  })

  test.each([
    ['rmi', ['rmi', 'a', 'b']],
    ['image prune', ['image', 'prune', '-af']],
    ['image prune of nameless ones', ['image', 'prune', '-f']],
    ['builder prune', ['builder', 'prune', '-af']],
    ['image rm of one name', ['image', 'rm', 'again']],
  ])('to the last byte is freed by %s', async (_, argv) => {
    const bench = openSmallDisk()
    for (const [i, name] of ['a', 'b', 'a'].entries()) {
      writeFileSync(join(bench.context, 'data'), noise(300_000, `${i}`))
      await bench.succeed(['build', '-q', '-t', name, 'context'])
    }
    await bench.succeed(['tag', 'b', 'again'])
    const fill = () => {
      const fd = openSync(join(bench.home, 'tare/filler'), 'a')
      try {
        for (;;) writeSync(fd, Buffer.alloc(4096))
      } catch {
        closeSync(fd)
      }
    }
    fill()
    writeFileSync(join(bench.context, 'data'), noise(300_000, 'more'))
    await refused(bench, ['build', '--progress=none', 'context'], /no space left/)
    fill()
    await bench.succeed(argv)
    rmSync(join(bench.home, 'tare/filler'))
    expect(await faultsOf(bench.home)).toEqual([])
    await bench.succeed(['build', '-q', '-t', 'after', 'context'])
  })

  test.each([
    ['rmi', ['rmi', 'x', 'y']],
    ['image prune', ['image', 'prune', '-af']],
    ['builder prune', ['builder', 'prune', '-af']],
  ])('without an inode is freed by %s', async (_, argv) => {
    const bench = openBench(small)
    mkdirSync(bench.home)
    mountOn(bench.home, '-t', 'tmpfs', '-o', 'size=2m,nr_inodes=100', 'tmpfs')
    await bench.succeed(['build', '-q', '-t', 'x', '-t', 'y', 'context'])
    mkdirSync(join(bench.home, 'tare/filler'))
    for (let i = 0; ; i++)
      try {
        writeFileSync(join(bench.home, `tare/filler/${i}`), '')
      } catch {
        break
      }
    await bench.succeed(argv)
    rmSync(join(bench.home, 'tare/filler'), { recursive: true })
    expect(await faultsOf(bench.home)).toEqual([])
    await bench.succeed(['build', '-q', '-t', 'after', 'context'])
  })

  test('is told by load, import and a context on standard input', async () => {
    const bench = openSmallDisk()
    const other = { home: join(bench.folder, 'other') }
    await bench.succeed(['build', '-q', '-t', 'large', '-f', 'context/Dockerfile.large', 'context'], other)
    await bench.succeed(['save', '-o', 'large.tar', 'large'], other)
    await refused(bench, ['load', '-i', 'large.tar'], /no space left/)
    const archive = readFileSync(join(bench.folder, 'large.tar'))
    for (const argv of [['load'], ['import', '-'], ['build', '--progress=none', '-f', 'context/Dockerfile', '-']]) {
      const { code, err } = await bench.tare(argv, { input: archive })
      expect(err).toMatch(/no space left/)
      expect(code).toBe(1)
      expect(await faultsOf(bench.home)).toEqual([])
    }
  })

  test('is told by save, which leaves no file', async () => {
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY large /\n', large: noise(3 << 20) })
    const disk = join(bench.folder, 'disk')
    mkdirSync(disk)
    mountOn(disk, '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs')
    await bench.succeed(['build', '-q', '-t', 'x', 'context'])
    await refused(bench, ['save', '-o', 'disk/x.tar', 'x'], /no space is left in .*disk\n/)
    expect(readdirSync(disk)).toEqual([])
  })

  test.each([
    'type=oci,',
    'type=docker,',
    'type=tar,',
    'type=local,',
    'type=oci,tar=false,',
    'type=oci,compression=zstd,',
  ])('is told by the output %s which leaves nothing there', async (type) => {
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY large /\n', large: noise(3 << 20) })
    const disk = join(bench.folder, 'disk')
    mkdirSync(disk)
    mountOn(disk, '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs')
    await refused(bench, ['build', '--progress=none', '-o', `${type}dest=disk/out`, 'context'], /no space is left/)
    expect(readdirSync(disk)).toEqual([])
  })
})

describe('save', () => {
  test('into what cannot be written says why', async () => {
    const bench = openBench(small)
    await bench.succeed(['build', '-q', '-t', 'x', 'context'])
    await refused(bench, ['save', '-o', 'nowhere/x.tar', 'x'], /there is no folder nowhere\n.*mkdir -p nowhere/)
    await refused(bench, ['save', '-o', 'context', 'x'], /context is a folder/)
    await refused(bench, ['save', '-o', 'context/data/x', 'x'], /is not a folder/)
    expect(readdirSync(bench.folder).sort()).toEqual(['context', 'home'])
  })
})
