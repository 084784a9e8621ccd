import type { BpfInstruction } from '../../src/builder/sandbox/seccomp/compile.ts'

/** A system call as a filter sees it. (linux/seccomp.h, struct seccomp_data) */
export interface Call {
  readonly audit: number
  readonly number: number
  readonly args?: readonly bigint[]
}

/** Runs a filter as the kernel does, with the checks that the kernel makes of programs. Answers what it returns. */
export function runFilter(program: readonly BpfInstruction[], { audit, number, args = [] }: Call): number {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(number, 0)
  data.writeUInt32LE(audit, 4)
  for (const [i, value] of args.entries()) data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + 8 * i)
  let a = 0
  for (let at = 0; at < program.length; at++) {
    const { code, jt, jf, k } = program[at]!
    switch (code) {
      case 0x20:
        if (k % 4 !== 0 || k > 60) throw new Error(`line ${at} loads from ${k}`)
        a = data.readUInt32LE(k)
        break
      case 0x05:
        at += k
        break
      case 0x15:
        at += a === k ? jt : jf
        break
      case 0x35:
        at += a >= k ? jt : jf
        break
      case 0x54:
        a = (a & k) >>> 0
        break
      case 0x06:
        return k
      default:
        throw new Error(`line ${at} does ${code}`)
    }
  }
  throw new Error('the program runs out')
}
