import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { alpineRootfs, noise, openBench } from '../kit/cli.ts'
import { hasProgram, unlessMissing } from '../kit/needs.ts'
import { relayTo } from '../kit/relay.ts'

// What moves between this machine and an engine, in bytes.

const engines = (process.env['TARE_TEST_ENGINES'] ?? '').split(' ').filter(Boolean)
const mayRun =
  unlessMissing(engines.length > 0, 'no engine to build on, see TARE_TEST_ENGINES') &&
  hasProgram('cp') &&
  hasProgram('docker')

describe.skipIf(!mayRun)('between here and an engine', () => {
  test.each(engines)('of 20,000 files, the one that has changed moves: %s', async (engine) => {
    const relay = await relayTo(engine)
    const files = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, i) => [`d${i % 200}/f${i}`, noise(400, `file ${i} ${process.pid}`)]),
    )
    const bench = openBench({ ...files, Dockerfile: 'FROM scratch\nCOPY . /all/\n' })
    const build = () => bench.succeed(['build', '--builder', relay.address, '-t', 'many', bench.context])
    await build()
    expect(relay.sent()).toBeGreaterThan(8_000_000)
    writeFileSync(join(bench.context, 'd7/f7'), noise(500_000, `other ${process.pid}`))
    relay.reset()
    await build()
    // All names and times are told each time: about 70 bytes for each.
    expect(relay.sent()).toBeGreaterThan(500_000)
    expect(relay.sent()).toBeLessThan(2_500_000)
  })

  test.each(engines)('files that are again what they were make the image that they made: %s', async (engine) => {
    const now = process.hrtime.bigint()
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY a /\nCOPY --chmod=600 a /b\n', a: `one ${now}` })
    const time = new Date('2026-01-02T03:04:05Z')
    const build = async (text: string, ...more: string[]) => {
      writeFileSync(join(bench.context, 'a'), text)
      utimesSync(join(bench.context, 'a'), time, time)
      const outputs = ['-o', 'out', '-o', 'type=image']
      await bench.succeed(['build', '--builder', engine, '-t', 'x', ...outputs, ...more, bench.context])
      return readFileSync(join(bench.folder, 'out/b'), 'utf8')
    }
    const id = () => bench.succeed(['images', '-q', '--no-trunc', 'x'])
    expect(await build(`one ${now}`)).toBe(`one ${now}`)
    const first = await id()
    expect(await build(`another ${now}`)).toBe(`another ${now}`)
    expect(await id()).not.toBe(first)
    for (let i = 0; i < 2; i++) {
      expect(await build(`one ${now}`)).toBe(`one ${now}`)
      expect(await id()).toBe(first)
    }
    // Executed once more, it has been made at another time.
    expect(await build(`one ${now}`, '--no-cache')).toBe(`one ${now}`)
    expect(await id()).not.toBe(first)
  })

  test.each(engines)('what has come back once is not sent again: %s', async (engine) => {
    const relay = await relayTo(engine)
    const unique = noise(3_000_000, `unique ${process.hrtime.bigint()}`)
    const Dockerfile = 'FROM scratch\nADD alpine.tgz /\nCOPY unique /u\nRUN cp /u /v\n'
    const bench = openBench({ Dockerfile, unique })
    copyFileSync(alpineRootfs, join(bench.context, 'alpine.tgz'))
    const args = ['build', '--builder', relay.address, '--network=none', '-t', 'x', bench.context]
    const id = () => bench.succeed(['images', '-q', '--no-trunc', 'x'])
    await bench.succeed(args)
    expect(relay.received()).toBeGreaterThan(6_000_000)
    const before = await id()
    relay.reset()
    await bench.succeed(args)
    expect(relay.received()).toBeLessThan(100_000)
    expect(relay.sent()).toBeLessThan(100_000)
    expect(await id()).toBe(before)
    expect(await bench.succeed(['run', '--rm', '--network=none', 'x', 'sh', '-c', 'cmp /u /v && echo same'])).toBe(
      'same\n',
    )
  })

  test.each(engines)('what this machine makes as well comes back only where it must: %s', async (engine) => {
    const relay = await relayTo(engine)
    const bench = openBench({
      Dockerfile: 'FROM scratch\nWORKDIR /srv/app\nCOPY . .\nCOPY d /usr/share/d/\n',
      'd/e/a': noise(600_000, `a ${process.hrtime.bigint()}`),
      'd/e/b': noise(600_000, `b ${process.hrtime.bigint()}`),
    })
    const build = async (...more: string[]) => {
      relay.reset()
      const outputs = ['-o', 'out', '-o', 'type=image']
      await bench.succeed(['build', '--builder', relay.address, '-t', 'x', ...outputs, ...more, bench.context])
      const received = relay.received()
      const a = readFileSync(join(bench.context, 'd/e/a'))
      for (const path of ['srv/app/d/e/a', 'usr/share/d/e/a'])
        expect(readFileSync(join(bench.folder, 'out', path)).equals(a)).toBe(true)
      return received
    }
    const most = isWhole(engine) ? [0, 100_000] : [100_000, 8_000_000]
    // The engine keeps a copy of the context, whose folders have other times after a change.
    const change = () => writeFileSync(join(bench.context, 'd/e/a'), noise(600_000, `c ${process.hrtime.bigint()}`))
    for (const prepare of [() => {}, change, change]) {
      prepare()
      expectBetween(await build(), most)
    }
    expectBetween(await build('--no-cache'), most)
  })

  test.each(engines.filter(isWhole))(
    'a layer that is another one than that made here comes back: %s',
    async (engine) => {
      const name = `n${process.hrtime.bigint()}`
      let lies = 0
      // The time of a directory, in its entry: the layer has another one.
      const entry = new RegExp(`(${name}\\x10[^]{5,24}?\\x30[^]{5})([^])`)
      const relay = await relayTo(engine, 'socket', (bytes) => {
        const text = bytes.toString('latin1')
        const lie = text.replace(entry, (_, before, byte) => before + String.fromCharCode(byte.charCodeAt(0) ^ 1))
        if (lie !== text) lies++
        return Buffer.from(lie, 'latin1')
      })
      const a = noise(600_000, name)
      const bench = openBench({ Dockerfile: `FROM scratch\nCOPY a /${name}/\n`, a })
      await bench.succeed([
        'build',
        '--builder',
        relay.address,
        '-t',
        'x',
        '-o',
        'out',
        '-o',
        'type=image',
        bench.context,
      ])
      expect(lies).toBeGreaterThan(0)
      expect(relay.received()).toBeGreaterThan(600_000)
      expect(readFileSync(join(bench.folder, 'out', name, 'a')).equals(a)).toBe(true)
    },
  )

  test.each(engines.filter(isWhole))(
    'a layer that the engine claims, and nobody has, is missed: %s',
    async (engine) => {
      let lies = 0
      const relay = await relayTo(engine, 'socket', (bytes) => {
        const text = bytes.toString('latin1')
        const lie = text.replace(
          /("RootFS":\{[^}]*"sha256:)(.)/,
          (_, before, digit) => before + (digit === '0' ? '1' : '0'),
        )
        if (lie !== text) lies++
        return Buffer.from(lie, 'latin1')
      })
      const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY a /\n', a: `claimed ${process.hrtime.bigint()}` })
      const { code, err } = await bench.tare(['build', '--builder', relay.address, '-t', 'x', bench.context])
      expect(lies).toBeGreaterThan(0)
      expect(code).toBe(1)
      expect(err).toMatch(/ERROR: .*the engine unix:.* did not hand over the layer sha256:/)
      expect(await bench.succeed(['images', '-q'])).toBe('')
    },
  )
})

/** Whether the engine hands over an image as a whole, and writes layers as this machine does. */
function isWhole(engine: string): boolean {
  const format = '{{.ServerVersion}} {{json .DriverStatus}}'
  const told = execFileSync('docker', ['-H', engine, 'info', '-f', format], { encoding: 'utf8' })
  return Number.parseInt(told, 10) >= 25 && !told.includes('io.containerd.snapshotter')
}

function expectBetween(bytes: number, [least, most]: readonly number[]): void {
  expect(bytes).toBeGreaterThanOrEqual(least!)
  expect(bytes).toBeLessThan(most!)
}
