import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import { hasProgram } from '../../../../test/kit/needs.ts'
import { canExecute, refuseForeign, tinyProgramFor } from './architectures.ts'

const foreign = ['arm64', 'arm', 'riscv64', 'ppc64le', 's390x']

test.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
  'this machine’s own programs run, and one of them is tried',
  () => {
    expect(canExecute('amd64')).toBe(true)
    const path = join(temporaryFolder(), 'program')
    writeFileSync(path, tinyProgramFor('amd64')!, { mode: 0o755 })
    expect(spawnSync(path).status).toBe(0)
  },
)

test.skipIf(!hasProgram('readelf'))('the programs that are tried are what they should be', () => {
  const found = ['amd64', '386', ...foreign].map((name) => {
    const path = join(temporaryFolder(), 'program')
    writeFileSync(path, tinyProgramFor(name)!)
    const text = execFileSync('readelf', ['-hl', path], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
    const field = (key: string) => new RegExp(`${key}:\\s+(.*)`).exec(text)?.[1]
    expect(text).toMatch(/LOAD\s+0x0+ /)
    return [field('Class'), field('Data')?.includes('big'), field('Machine')]
  })
  expect(found).toEqual([
    ['ELF64', false, 'Advanced Micro Devices X86-64'],
    ['ELF32', false, 'Intel 80386'],
    ['ELF64', false, 'AArch64'],
    ['ELF32', false, 'ARM'],
    ['ELF64', false, 'RISC-V'],
    ['ELF64', false, 'PowerPC64'],
    ['ELF64', true, 'IBM S/390'],
  ])
})

// Run by qemu itself, whether or not the kernel knows of it.
const emulators = {
  arm64: 'aarch64',
  arm: 'arm',
  riscv64: 'riscv64',
  ppc64le: 'ppc64le',
  s390x: 's390x',
  '386': 'i386',
}

test.each(Object.entries(emulators).filter(([, name]) => hasProgram(`qemu-${name}-static`)))(
  'the program for %s ends with 0 where it can run',
  (architecture, name) => {
    const path = join(temporaryFolder(), 'program')
    writeFileSync(path, tinyProgramFor(architecture)!, { mode: 0o755 })
    expect(spawnSync(`qemu-${name}-static`, [path]).status).toBe(0)
  },
)

test('an architecture without a handler is refused with what to install', () => {
  const folder = '/proc/sys/fs/binfmt_misc'
  const handlers = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('qemu-')) : []
  if (handlers.length > 0) return console.warn('skipped: this machine has emulators registered')
  for (const name of foreign)
    expect(() => refuseForeign(name, 'image app')).toThrow(
      expect.objectContaining({
        code: 'ARCHITECTURE_FOREIGN',
        message: expect.stringContaining(`image app: it is for ${name}`),
        remedy: expect.stringContaining('qemu-user-static'),
      }),
    )
})

test('what nobody knows is tried', () => {
  expect(canExecute('mips64le')).toBe(true)
})
