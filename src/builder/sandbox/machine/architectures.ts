import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TareError } from '../../../support/index.ts'

interface ElfMachine {
  /** e_machine. (ELF, "ELF Header") */
  readonly id: number
  readonly bits: 32 | 64
  readonly big?: true
  /** A program that only exits with 0, using that architecture's system call. */
  readonly code: string
  /** The emulator's name in qemu-user-static and binfmt_misc. */
  readonly qemu: string
}

const machines: Readonly<Record<string, ElfMachine>> = {
  amd64: { id: 62, bits: 64, code: '31ffb83c0000000f05', qemu: 'x86_64' },
  '386': { id: 3, bits: 32, code: '31dbb801000000cd80', qemu: 'i386' },
  arm64: { id: 183, bits: 64, code: '000080d2a80b80d2010000d4', qemu: 'aarch64' },
  arm: { id: 40, bits: 32, code: '0000a0e30170a0e3000000ef', qemu: 'arm' },
  riscv64: { id: 243, bits: 64, code: '130500009308d00573000000', qemu: 'riscv64' },
  ppc64le: { id: 21, bits: 64, code: '000060380100003802000044', qemu: 'ppc64le' },
  s390x: { id: 22, bits: 64, big: true, code: 'a72900000a01', qemu: 's390x' },
}

const native: Readonly<Partial<Record<NodeJS.Architecture, string>>> = { x64: 'amd64', ia32: '386' }

const known = new Map<string, boolean>()

/**
 * Whether this machine runs programs of the architecture (a GOARCH), natively or through binfmt_misc: tries a program that does
 * nothing. True for unknown architectures.
 */
export function canExecute(architecture: string): boolean {
  if (architecture === (native[process.arch] ?? process.arch)) return true
  const machine = machines[architecture]
  if (machine === undefined) return true
  let answer = known.get(architecture)
  if (answer === undefined) {
    answer = tryProgram(tinyProgram(machine))
    known.set(architecture, answer)
  }
  return answer
}

/** Returns an executable's architecture (a GOARCH) from its first 20 bytes; undefined for other files. (ELF) */
export function architectureOf(head: Buffer): string | undefined {
  if (head.length < 20 || head.readUInt32BE(0) !== 0x7f454c46) return undefined
  const bits = head[4] === 2 ? 64 : 32
  const id = head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18)
  return Object.keys(machines).find((name) => {
    const machine = machines[name]!
    return machine.id === id && machine.bits === bits && (machine.big === true) === (head[5] === 2)
  })
}

/** Returns how many kinds of non-ELF files this machine executes through binfmt_misc. */
export function registeredFormats(): number {
  const folder = '/proc/sys/fs/binfmt_misc'
  return listed(folder).filter((name) => {
    const text = readText(join(folder, name))
    return text.startsWith('enabled') && !/^magic 7f454c46/m.test(text)
  }).length
}

/** Throws `ARCHITECTURE_FOREIGN` if programs of the architecture cannot run here, with a remedy. */
export function refuseForeign(architecture: string, what: string): void {
  if (canExecute(architecture)) {
    const handler = handlerOf(architecture)
    if (handler === undefined || handler.fixed) return
    throw new TareError(
      'ARCHITECTURE_FOREIGN',
      `${what} is for ${architecture}, which ${handler.interpreter} can run only outside images`,
      { remedy: 'It is registered without the flag F. Debian’s qemu-user-static registers it with that flag.' },
    )
  }
  const { qemu = architecture } = machines[architecture] ?? {}
  throw new TareError(
    'ARCHITECTURE_FOREIGN',
    `cannot run programs of ${what}: it is for ${architecture}, this machine is ${native[process.arch] ?? process.arch}`,
    {
      remedy:
        `Register an emulator: sudo apt-get install qemu-user-static binfmt-support (then /proc/sys/fs/binfmt_misc/qemu-${qemu} is there),\n` +
        'or build for this machine, without --platform.',
    },
  )
}

/** Returns binfmt_misc's handler for the architecture, if visible. (admin-guide/binfmt-misc.rst) */
function handlerOf(architecture: string): { readonly interpreter: string; readonly fixed: boolean } | undefined {
  const machine = machines[architecture]
  if (machine === undefined || architecture === (native[process.arch] ?? process.arch)) return undefined
  const program = tinyProgram(machine)
  const folder = '/proc/sys/fs/binfmt_misc'
  for (const name of listed(folder)) {
    const text = readText(join(folder, name))
    const field = (key: string) => new RegExp(`^${key}:? (\\S+)$`, 'm').exec(text)?.[1] ?? ''
    if (!text.startsWith('enabled') || field('magic') === '') continue
    const [magic, mask] = [Buffer.from(field('magic'), 'hex'), Buffer.from(field('mask'), 'hex')]
    const offset = Number(field('offset'))
    if (magic.every((byte, i) => byte === ((program[offset + i] ?? 0) & (mask[i] ?? 0xff))))
      return { interpreter: field('interpreter'), fixed: field('flags').includes('F') }
  }
  return undefined
}

/** Returns an executable for the architecture that exits with 0; undefined for unknown ones. */
export function tinyProgramFor(architecture: string): Uint8Array | undefined {
  const machine = machines[architecture]
  return machine === undefined ? undefined : tinyProgram(machine)
}

function scratchIn(parent: string): string | undefined {
  try {
    return mkdtempSync(join(parent, 'tare-'))
  } catch {
    return undefined
  }
}

function tryProgram(bytes: Uint8Array): boolean {
  const folder = [tmpdir(), '/dev/shm'].map(scratchIn).find((made) => made !== undefined)
  if (folder === undefined) return false
  try {
    const path = join(folder, 'program')
    writeFileSync(path, bytes, { mode: 0o755 })
    return spawnSync(path, { stdio: 'ignore', timeout: 5000 }).status === 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Builds an executable with one segment containing headers and code. (ELF) */
function tinyProgram({ id, bits, big = undefined, code }: ElfMachine): Buffer {
  const base = 0x10000
  const [header, segment] = bits === 64 ? [64, 56] : [52, 32]
  const body = Buffer.from(code, 'hex')
  const bytes = Buffer.alloc(header + segment + body.length)
  const put = (value: number, at: number, size: number) => {
    if (size === 8) {
      put(big ? 0 : value, at, 4)
      put(big ? value : 0, at + 4, 4)
    } else if (big) bytes.writeUIntBE(value, at, size)
    else bytes.writeUIntLE(value, at, size)
  }
  const word = bits / 8
  const fields = (at: number, list: readonly (readonly [number, number])[]) => {
    let place = at
    for (const [value, size] of list) {
      put(value, place, size)
      place += size
    }
  }
  bytes.set([0x7f, 0x45, 0x4c, 0x46, bits / 32, big ? 2 : 1, 1])
  const flags = id === 40 ? 0x05000000 : id === 21 ? 2 : 0
  fields(16, [
    ...[[2, 2] as const, [id, 2] as const, [1, 4] as const],
    ...[[base + header + segment, word] as const, [header, word] as const, [0, word] as const, [flags, 4] as const],
    ...[[header, 2] as const, [segment, 2] as const, [1, 2] as const],
  ])
  const size = [bytes.length, word] as const
  const place = [[0, word] as const, [base, word] as const, [base, word] as const, size, size]
  if (bits === 64) fields(header, [[1, 4], [5, 4], ...place, [0x1000, 8]])
  else fields(header, [[1, 4], ...place, [5, 4], [0x1000, 4]])
  bytes.set(body, header + segment)
  return bytes
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name !== 'register' && name !== 'status')
  } catch {
    return []
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
