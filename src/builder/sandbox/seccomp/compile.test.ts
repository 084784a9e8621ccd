import { describe, expect, test } from 'vitest'
import { type Call, runFilter } from '../../../../test/kit/seccomp-machine.ts'
import { compileFilter, filterBytes } from './compile.ts'
import { type SeccompArchitecture, systemCallNumbers } from './numbers.ts'
import { seccompProfile } from './profile.ts'

const allow = 0x7fff0000
const error = (number: number) => 0x50000 | number
const [notPermitted, notThere, killed] = [error(1), error(38), 0x80000000]
const container = ['chown', 'mknod', 'sys_chroot', 'setuid']

const audits = {
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X32: 0xc000003e,
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_AARCH64: 0xc00000b7,
  SCMP_ARCH_ARM: 0x40000028,
} as const satisfies Record<SeccompArchitecture, number>

function callOf(entry: SeccompArchitecture, name: string, ...args: readonly (number | bigint)[]): Call {
  const number = systemCallNumbers(entry).get(name)
  if (number === undefined) throw new Error(`${entry} has no ${name}`)
  return {
    audit: audits[entry],
    number: entry === 'SCMP_ARCH_X32' ? number + 0x40000000 : number,
    args: args.map(BigInt),
  }
}

describe.each(['x64', 'arm64'] as const)('the filter for %s', (architecture) => {
  const profile = seccompProfile(architecture, container)!
  const program = compileFilter(profile)

  test('lets through exactly what the profile names, by every entry of the architecture', () => {
    const conditional = new Set(['socket', 'personality', 'clone', 'clone3'])
    const named = new Set(profile.syscalls.flatMap(({ names }) => names))
    for (const entry of profile.architectures) {
      const names = new Map([...systemCallNumbers(entry)].map(([name, number]) => [number, name]))
      const wrong = Array.from({ length: 1000 }, (_, number) => number).filter((number) => {
        const name = names.get(number)
        if (name !== undefined && conditional.has(name)) return false
        const newest = entry === 'SCMP_ARCH_X32' ? 547 : 456
        const expected = number > newest ? notThere : name !== undefined && named.has(name) ? allow : notPermitted
        const bit = entry === 'SCMP_ARCH_X32' ? 0x40000000 : 0
        return runFilter(program, { audit: audits[entry], number: number + bit }) !== expected
      })
      expect([entry, wrong]).toEqual([entry, []])
    }
  })

  test('refuses new namespaces, and says that clone3 does not exist', () => {
    for (const entry of profile.architectures) {
      for (const flag of [0x10000000, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x20000000, 0x40000000])
        expect(runFilter(program, callOf(entry, 'clone', flag | 17))).toBe(notPermitted)
      // What threads and processes are made with.
      for (const flags of [17, 0x1200011, 0x3d0f00])
        expect(runFilter(program, callOf(entry, 'clone', flags))).toBe(allow)
      expect(runFilter(program, callOf(entry, 'clone3'))).toBe(notThere)
    }
  })

  test('gives sockets of every family but those of virtual machines, whatever stands above the int', () => {
    for (const entry of profile.architectures) {
      for (const family of [1, 2, 10, 16, 17, 39, 41])
        expect(runFilter(program, callOf(entry, 'socket', family))).toBe(allow)
      expect(runFilter(program, callOf(entry, 'socket', 40))).toBe(notPermitted)
      expect(runFilter(program, callOf(entry, 'socket', (7n << 32n) | 40n))).toBe(notPermitted)
    }
  })

  test('knows Linux personalities only', () => {
    for (const entry of profile.architectures) {
      for (const value of [0, 8, 0x20000, 0x20008, 0xffffffff])
        expect(runFilter(program, callOf(entry, 'personality', value))).toBe(allow)
      // ADDR_NO_RANDOMIZE, ADDR_COMPAT_LAYOUT
      for (const value of [0x40000, 0x200000, 9])
        expect(runFilter(program, callOf(entry, 'personality', value))).toBe(notPermitted)
    }
  })

  test('ends a process that calls by an entry which has no rules', () => {
    for (const audit of [0, 0xc00000f3, 0x80000016, architecture === 'x64' ? 0xc00000b7 : 0xc000003e])
      expect(runFilter(program, { audit, number: 0 })).toBe(killed)
  })

  test('is a program that the kernel takes: short enough, and every jump inside', () => {
    expect(program.length).toBeLessThan(4096)
    for (const [at, { code, jt, jf, k }] of program.entries()) {
      if (code === 0x06) continue
      const furthest = code === 0x05 ? k : Math.max(jt, jf)
      expect(at + 1 + furthest).toBeLessThan(program.length)
    }
    expect(program.at(-1)?.code).toBe(0x06)
    expect(filterBytes(program)).toHaveLength(program.length * 8)
  })
})

test('a capability lets done what needs it, and nothing else', () => {
  const doors = {
    sys_admin: 'mount',
    sys_module: 'init_module',
    sys_time: 'clock_settime',
    bpf: 'bpf',
    sys_boot: 'reboot',
  }
  for (const [capability, name] of Object.entries(doors)) {
    const call = callOf('SCMP_ARCH_X86_64', name)
    expect(runFilter(compileFilter(seccompProfile('x64', container)!), call)).toBe(notPermitted)
    expect(runFilter(compileFilter(seccompProfile('x64', [...container, capability])!), call)).toBe(allow)
  }
  const admin = compileFilter(seccompProfile('x64', ['sys_admin'])!)
  expect(runFilter(admin, callOf('SCMP_ARCH_X86_64', 'clone', 0x10000000))).toBe(allow)
  expect(runFilter(admin, callOf('SCMP_ARCH_X86_64', 'chroot'))).toBe(notPermitted)
})

test('x32 has its own numbers for calls whose structures differ', () => {
  const program = compileFilter(seccompProfile('x64', container)!)
  expect(runFilter(program, callOf('SCMP_ARCH_X32', 'execve'))).toBe(allow)
  expect(systemCallNumbers('SCMP_ARCH_X32').get('execve')).toBe(520)
  // Since Linux 6.10 also by this entry.
  expect(runFilter(program, callOf('SCMP_ARCH_X32', 'map_shadow_stack'))).toBe(allow)
  // amd64's number of the same call, by the entry of x32.
  expect(runFilter(program, { audit: audits.SCMP_ARCH_X32, number: 0x40000000 + 59 })).toBe(notPermitted)
  // The numbers of x32 without its bit, which old kernels take.
  expect(runFilter(program, { audit: audits.SCMP_ARCH_X86_64, number: 520 })).toBe(notThere)
})

test('there is no profile for a machine whose numbers are unknown', () => {
  expect(seccompProfile('riscv64', container)).toBeUndefined()
})
