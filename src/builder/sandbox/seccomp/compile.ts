import { type SeccompArchitecture, systemCallNumbers } from './numbers.ts'
import type { ArgumentCondition, SeccompProfile, SystemCallRule } from './profile.ts'

/** An instruction of classic BPF. (linux/filter.h, struct sock_filter) */
export interface BpfInstruction {
  readonly code: number
  /** How many of the following instructions to skip if the comparison is true or false. */
  readonly jt: number
  readonly jf: number
  readonly k: number
}

// (linux/bpf_common.h)
export const load = 0x20
export const jump = 0x05
export const jumpEqual = 0x15
export const jumpNotLess = 0x35
export const mask = 0x54
export const give = 0x06

// (linux/seccomp.h)
const killProcess = 0x80000000
const errno = 0x00050000
const allowed = 0x7fff0000
const numberAt = 0
const entryAt = 4
const argumentsAt = 16

const x32Bit = 0x40000000
const notThere = 38

// (linux/audit.h)
const auditArchitectures: Readonly<Record<Exclude<SeccompArchitecture, 'SCMP_ARCH_X32'>, number>> = {
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_AARCH64: 0xc00000b7,
  SCMP_ARCH_ARM: 0x40000028,
}

/** The kernel reads an int argument, ignoring the upper half of the register. */
const ofInts = new Set(['socket', 'personality'])

type Program = readonly BpfInstruction[]

type Rules = ReadonlyMap<string, readonly SystemCallRule[]>

/**
 * Compiles the profile to a program for seccomp(2). Calls newer than the profile return ENOSYS, so that C libraries fall back to
 * older ones, as in runc; on architectures that the profile does not name, the process is killed.
 */
export function compileFilter(profile: SeccompProfile): Program {
  const rules = rulesByName(profile)
  const otherwise = denied(profile.defaultErrnoRet)
  const x32 = profile.architectures.includes('SCMP_ARCH_X32')
    ? entrySection(rules, otherwise, 'SCMP_ARCH_X32')
    : denied(notThere)
  const sections = profile.architectures.flatMap((entry) => {
    if (entry === 'SCMP_ARCH_X32') return []
    const own = entrySection(rules, otherwise, entry)
    const whole =
      entry === 'SCMP_ARCH_X86_64' ? [...branch(jumpNotLess, x32Bit, own, [does(mask, x32Bit - 1), ...x32])] : own
    return [{ value: auditArchitectures[entry], section: [does(load, numberAt), ...whole] }]
  })
  let rest: Program = [does(give, killProcess)]
  for (const { value, section } of sections.toReversed()) rest = branch(jumpEqual, value, rest, section)
  return [does(load, entryAt), ...rest]
}

/**
 * Encodes the program for seccomp(2). (struct sock_filter: u16, u8, u8, u32 in this machine's byte order, which is little-endian)
 */
export function filterBytes(program: Program): Buffer {
  const words = new Uint32Array(program.length * 2)
  for (const [i, { code, jt, jf, k }] of program.entries()) {
    words[2 * i] = code | (jt << 16) | (jf << 24)
    words[2 * i + 1] = k
  }
  return Buffer.from(words.buffer)
}

function rulesByName({ syscalls }: SeccompProfile): Rules {
  const rules = new Map<string, readonly SystemCallRule[]>()
  for (const rule of syscalls) {
    const alone = [rule]
    for (const name of rule.names) {
      const others = rules.get(name)
      rules.set(name, others === undefined ? alone : [...others, rule])
    }
  }
  return rules
}

interface Range {
  readonly start: number
  readonly code: Program
}

/** Decides by the loaded system call number. */
function entrySection(rules: Rules, otherwise: Program, entry: SeccompArchitecture): Program {
  const wide = entry === 'SCMP_ARCH_X86_64' || entry === 'SCMP_ARCH_AARCH64'
  const codes: Program[] = []
  const far: [number: number, code: Program][] = []
  let newest = 0
  for (const [name, number] of systemCallNumbers(entry)) {
    const own = rules.get(name)
    const code = own === undefined ? otherwise : decision(name, own, otherwise, wide)
    if (number < 0x1000) {
      codes[number] = code
      newest = Math.max(newest, number)
    } else if (own !== undefined) far.push([number, code])
  }
  const missing = denied(notThere)
  const ranges: Range[] = [{ start: 0, code: codes[0] ?? otherwise }]
  const add = (start: number, code: Program) => {
    if (!sameProgram(ranges.at(-1)!.code, code)) ranges.push({ start, code })
  }
  for (let number = 1; number <= newest; number++) add(number, codes[number] ?? otherwise)
  add(newest + 1, missing)
  let next = newest + 1
  for (const [number, code] of far.sort(([a], [b]) => a - b)) {
    if (number > next) add(next, missing)
    add(number, code)
    next = number + 1
  }
  add(next, missing)
  return searchTree(ranges)
}

function searchTree(ranges: readonly Range[]): Program {
  if (ranges.length === 1) return ranges[0]!.code
  const middle = ranges.length >> 1
  return branch(
    jumpNotLess,
    ranges[middle]!.start,
    searchTree(ranges.slice(0, middle)),
    searchTree(ranges.slice(middle)),
  )
}

const allowing: Program = [does(give, allowed)]

/** Returns the action of the first rule whose conditions hold. */
function decision(name: string, rules: readonly SystemCallRule[], otherwise: Program, wide: boolean): Program {
  let rest = otherwise
  for (const { action, errnoRet, args = [] } of rules.toReversed()) {
    const then = action === 'SCMP_ACT_ALLOW' ? allowing : denied(errnoRet ?? 1)
    rest = args.length === 0 ? then : conditions(args, then, rest, wide && !ofInts.has(name))
  }
  return rest
}

function conditions(args: readonly ArgumentCondition[], then: Program, otherwise: Program, wide: boolean): Program {
  let program = then
  for (const { index, value, valueTwo = 0, op } of args.toReversed()) {
    const low = [does(load, argumentsAt + 8 * index)]
    const isEqual = (to: number, yes: Program, no: Program) => branch(jumpEqual, to, no, yes)
    // Values have 32 bits: the upper half must be zero, unless a mask ignores it.
    const high = (yes: Program, no: Program) =>
      wide ? [does(load, argumentsAt + 8 * index + 4), ...isEqual(0, yes, no)] : yes
    switch (op) {
      case 'SCMP_CMP_EQ':
        program = high([...low, ...isEqual(value, program, otherwise)], otherwise)
        break
      case 'SCMP_CMP_NE':
        program = high([...low, ...isEqual(value, otherwise, program)], program)
        break
      case 'SCMP_CMP_MASKED_EQ':
        program = [...low, does(mask, value), ...isEqual(valueTwo, program, otherwise)]
        break
    }
  }
  return program
}

/** Compares the loaded value with `k` and continues with one of the programs, each of which ends with a return. */
function branch(code: typeof jumpEqual | typeof jumpNotLess, k: number, otherwise: Program, then: Program): Program {
  const head =
    otherwise.length <= 0xff
      ? [{ code, jt: otherwise.length, jf: 0, k }]
      : [{ code, jt: 0, jf: 1, k }, does(jump, otherwise.length)]
  return head.concat(otherwise, then)
}

function denied(number: number): Program {
  return [does(give, errno | number)]
}

function does(code: number, k: number): BpfInstruction {
  return { code, jt: 0, jf: 0, k }
}

function sameProgram(one: Program, other: Program): boolean {
  return (
    one === other ||
    (one.length === other.length &&
      one.every((line, i) => {
        const { code, jt, jf, k } = other[i]!
        return line.code === code && line.jt === jt && line.jf === jf && line.k === k
      }))
  )
}
