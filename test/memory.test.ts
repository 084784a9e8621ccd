import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkout, openBench, start } from './kit/cli.ts'
import { archiveOf, entry } from './kit/hostile-tar.ts'
import { unlessMissing } from './kit/needs.ts'
import { onDisk } from './kit/on-disk.ts'

onDisk()

// Nothing layer-sized is ever in memory: at its peak a build stays under 200 MB.

const limit = 200_000_000

// A process that runs the command line in itself and says at its end how much memory it had at most.
const measured = `
import { writeFileSync } from 'node:fs'
import { main } from ${JSON.stringify(join(checkout, 'dist/cli/main.cjs'))}
process.exitCode = await main(process.argv.slice(2), process.env)
process.on('exit', () => writeFileSync(process.env.PEAK, String(process.resourceUsage().maxRSS * 1024)))
`

async function peakOf(bench: ReturnType<typeof openBench>, argv: readonly string[]): Promise<number> {
  const script = join(bench.folder, 'measured.mjs')
  const peak = join(bench.folder, 'peak')
  writeFileSync(script, measured)
  const env = { PEAK: peak }
  const { code, err } = await start([process.execPath, script, ...argv], { home: bench.home, cwd: bench.folder, env })
    .outcome
  expect(code, err).toBe(0)
  return Number(readFileSync(peak, 'utf8'))
}

describe.skipIf(!unlessMissing(existsSync('/proc/self/status'), 'peaks are measured on Linux'))('the peak of', () => {
  test('ADD of a tar of 400 MB, its save and its load, and a look into it', async () => {
    const bench = openBench({ Dockerfile: 'FROM scratch\nADD large.tar /\n' })
    const size = 400_000_000 - (400_000_000 % 512)
    const header = entry({ path: 'zeros', size })
    // Mostly a hole on the disk; to whoever reads it, 400 MB, half of which would be too much.
    const fd = openSync(join(bench.context, 'large.tar'), 'w')
    writeSync(fd, header)
    ftruncateSync(fd, header.length + size)
    writeSync(fd, archiveOf(entry({ path: 'last' }, 'last')), 0, null, header.length + size)
    closeSync(fd)
    expect(await peakOf(bench, ['build', '-q', '-t', 'large', 'context'])).toBeLessThan(limit)
    expect(await peakOf(bench, ['save', '-o', 'large.out', 'large'])).toBeLessThan(limit)
    expect(await peakOf(bench, ['cp', 'large:/zeros', 'copied'])).toBeLessThan(limit)
    const other = { ...bench, home: join(bench.folder, 'other') }
    expect(await peakOf(other, ['image', 'layers', './large.out'])).toBeLessThan(limit)
    expect(await peakOf(other, ['cp', './large.out:/zeros', 'copied'])).toBeLessThan(limit)
    expect(await peakOf(other, ['load', '-i', 'large.out'])).toBeLessThan(limit)
  })

  test('COPY of 20,000 files, and of the same again, is below the limit', async () => {
    const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY . /\n' })
    const bytes = Buffer.alloc(1000, 'x')
    for (let folder = 0; folder < 100; folder++) {
      mkdirSync(join(bench.context, `d${folder}`))
      for (let file = 0; file < 200; file++) writeFileSync(join(bench.context, `d${folder}/f${file}`), bytes)
    }
    expect(await peakOf(bench, ['build', '-q', '-t', 'many', 'context'])).toBeLessThan(limit)
    writeFileSync(join(bench.context, 'd50/f100'), 'changed')
    expect(await peakOf(bench, ['build', '-q', '-t', 'many', 'context'])).toBeLessThan(limit)
  })
})
