import { createHash } from 'node:crypto'
import { appendFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { faultsOf, leftovers } from './kit/check-store.ts'
import { noise, openBench } from './kit/cli.ts'
import { runs } from './kit/scale.ts'

// Others at work at the same time: on the files of the context, and in the store.

const small = { Dockerfile: 'FROM scratch\nCOPY data /\n', data: 'data' }

describe('files that change while they are read', () => {
  test('the image matches its digests, or the build reports that a file changed', async () => {
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY . /\n', large: noise(24 << 20), log: '' })
    const log = join(bench.context, 'log')
    let writing = true
    const writer = (async () => {
      for (let i = 0; writing; i++) {
        appendFileSync(log, `${'x'.repeat(i % 997)}\n`)
        if (i % 20 === 19) truncateSync(log, 0)
        await sleep(1)
      }
    })()
    for (let round = 0; round < 4; round++) {
      const { code, err } = await bench.tare(['build', '--progress=none', '-t', 'x', 'context'])
      if (code !== 0) expect(err).toMatch(/log was truncated while being read\n.*Build again/)
      expect(await faultsOf(bench.home)).toEqual([])
    }
    writing = false
    await writer
    await bench.succeed(['build', '-q', '-t', 'x', 'context'])
    await bench.succeed(['save', '-o', 'x.tar', 'x'])
  })

  test('a file that changes right after a build is noticed by the next one, even if its size and time are the same', async () => {
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY data /\n', data: 'one' })
    const data = join(bench.context, 'data')
    const time = new Date(1_600_000_000_000)
    utimesSync(data, time, time)
    const first = await bench.succeed(['build', '-q', 'context'])
    writeFileSync(data, 'two')
    utimesSync(data, time, time)
    const second = await bench.succeed(['build', '-q', 'context'])
    expect(second).not.toBe(first)
  })
})

describe('several processes in one store', () => {
  test('eight identical builds at the same time succeed', async () => {
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY . /\n', a: noise(1 << 20), 'b/c': 'c' })
    const env = { SOURCE_DATE_EPOCH: '1700000000' }
    const ids = await Promise.all(
      Array.from({ length: 8 }, () => bench.succeed(['build', '-q', '-t', 'x', 'context'], { env })),
    )
    expect(ids.every((id) => /^sha256:[0-9a-f]{64}\n$/.test(id))).toBe(true)
    expect(await faultsOf(bench.home)).toEqual([])
    expect(await bench.succeed(['images', '-q'])).toContain(ids.at(-1)!.slice(7, 19))
  })

  test('eight different builds at the same time make all their images', async () => {
    const bench = openBench({ a: noise(1 << 18) })
    const names = Array.from({ length: 8 }, (_, i) => `app${i}`)
    for (const name of names)
      writeFileSync(join(bench.context, name), `FROM scratch\nCOPY a /${name}\nLABEL name=${name}\n`)
    await Promise.all(
      names.map((name) => bench.succeed(['build', '-q', '-t', name, '-f', `context/${name}`, 'context'])),
    )
    const list = await bench.succeed(['images', '--format', '{{.Repository}}'])
    expect(list.trim().split('\n').sort()).toEqual(names)
    expect(await faultsOf(bench.home)).toEqual([])
  })

  test('an image that a build has tagged is complete, while prune and rmi run all the time', async () => {
    const bench = openBench({
      a: noise(1 << 18),
      Dockerfile: 'FROM scratch\nARG N\nCOPY a /a\nWORKDIR /w\nLABEL n=$N\n',
    })
    let building = true
    const clean = async (...argv: string[]) => {
      while (building) await bench.tare(argv)
    }
    const cleaners = [clean('image', 'prune', '-f'), clean('builder', 'prune', '-af'), clean('rmi', '-f', 'gone')]
    const builder = async (name: string) => {
      for (let n = 0; n < runs(20); n++) {
        await bench.succeed(['build', '-q', '-t', name, '-t', 'gone', '--build-arg', `N=${name}${n}`, 'context'])
        await bench.succeed(['save', '-o', `${name}.tar`, name])
      }
    }
    await Promise.all([builder('one'), builder('two')])
    building = false
    await Promise.all(cleaners)
    expect(await faultsOf(bench.home)).toEqual([])
    expect(leftovers(bench.home)).toEqual([])
  })

  test('a lock left by a killed process is taken over', async () => {
    const bench = openBench(small)
    await bench.succeed(['build', '-q', '-t', 'x', 'context'])
    const digest = createHash('sha256').update('x').digest('hex')
    writeFileSync(join(bench.home, 'tare/lock'), `${digest.slice(0, 8)}-4194305-${digest.slice(0, 8)}`)
    const old = new Date(Date.now() - 120_000)
    utimesSync(join(bench.home, 'tare/lock'), old, old)
    await bench.succeed(['tag', 'x', 'y'])
    expect(await faultsOf(bench.home)).toEqual([])
  })
})
