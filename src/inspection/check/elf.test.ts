import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ElfSpec, elfFile } from '../../../test/kit/elf.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import { readElf } from './elf.ts'

const reader = (bytes: Buffer) => (position: number, length: number) =>
  bytes.subarray(Math.max(0, position), Math.max(0, position + length))

describe.each<[string, ElfSpec, string]>([
  ['64 bits, little-endian', { machine: 62 }, 'amd64'],
  ['64 bits of arm', { machine: 183 }, 'arm64'],
  ['32 bits, little-endian', { machine: 40, bits: 32 }, 'arm'],
  ['32 bits of Intel', { machine: 3, bits: 32 }, '386'],
  ['64 bits, big-endian', { machine: 22, big: true }, 's390x'],
  ['POWER, little-endian', { machine: 21 }, 'ppc64le'],
  ['POWER, big-endian', { machine: 21, big: true }, 'ppc64'],
  ['an unknown machine', { machine: 9999 }, 'machine 9999'],
])('%s', (_, spec, architecture) => {
  test('loader, libraries and their directories are read', () => {
    const bytes = elfFile({
      ...spec,
      ...{ interpreter: '/lib/ld.so.1', needed: ['libb.so.2', 'liba.so'], rpath: '/r:$ORIGIN/x', runpath: '/u' },
    })
    expect(readElf(reader(bytes))).toEqual({
      ...{ architecture, bits: spec.bits ?? 64, runs: true, interpreter: '/lib/ld.so.1' },
      ...{ needed: ['libb.so.2', 'liba.so'], rpath: ['/r', '$ORIGIN/x'], runpath: ['/u'] },
    })
  })

  test('a static program has none', () => {
    expect(readElf(reader(elfFile(spec)))).toMatchObject({ needed: [], rpath: [], runpath: [] })
    expect(readElf(reader(elfFile(spec)))).not.toHaveProperty('interpreter')
  })
})

test('other files are not ELF files', () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from('#!/bin/sh\n'), Buffer.alloc(64), elfFile().subarray(0, 40)])
    expect(readElf(reader(bytes))).toBeUndefined()
})

test('damaged headers are read without an error, and within bounds', () => {
  const whole = elfFile({ interpreter: '/lib/ld.so', needed: ['liba.so'], rpath: '/a', runpath: '/b' })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 12 }),
      fc.nat(whole.length),
      (changes, end) => {
        const bytes = Buffer.from(whole)
        for (const [at, value] of changes) bytes[at] = value
        let read = 0
        const elf = readElf((position, length) => {
          read += 1
          expect(length).toBeLessThanOrEqual(64 << 20)
          return reader(bytes.subarray(0, end))(position, length)
        })
        expect(read).toBeLessThan(10)
        expect(elf === undefined || elf.needed.length <= 4096).toBe(true)
      },
    ),
    { numRuns: 300 },
  )
})

test.skipIf(!hasProgram('readelf'))('real programs say the same to readelf', () => {
  for (const path of ['/bin/sh', process.execPath, '/bin/ls']) {
    const said = execFileSync('readelf', ['-d', path], { encoding: 'utf8' })
    const needed = [...said.matchAll(/\(NEEDED\)\s+Shared library: \[(.*)\]/g)].map((match) => match[1])
    expect(readElf(reader(readFileSync(path)))?.needed).toEqual(needed)
    const loader = /interpreter: (.*)\]/.exec(execFileSync('readelf', ['-l', path], { encoding: 'utf8' }))?.[1]
    expect(readElf(reader(readFileSync(path)))?.interpreter).toBe(loader)
  }
})
