/** What an ELF file says about how to start it. */
export interface Elf {
  /** Docker's name for the architecture, or `machine 123` if it has none. */
  readonly architecture: string
  readonly bits: 32 | 64
  /** Whether it is an executable or a library, rather than an object file or a core dump. */
  readonly runs: boolean
  /** The dynamic loader, PT_INTERP. */
  readonly interpreter?: string
  readonly needed: readonly string[]
  /** Directories, unexpanded. */
  readonly rpath: readonly string[]
  readonly runpath: readonly string[]
}

/** Reads bytes of a file; fewer at its end. */
export type ReadAt = (position: number, length: number) => Buffer

// (System V ABI, gABI, "e_machine")
const machines: Readonly<Record<number, string>> = {
  3: '386',
  8: 'mips',
  20: 'ppc',
  21: 'ppc64le',
  22: 's390x',
  40: 'arm',
  62: 'amd64',
  183: 'arm64',
  243: 'riscv64',
  258: 'loong64',
}

// Far more than any real file has; a hostile one may claim more.
const mostHeaders = 256
const mostEntries = 4096
const mostText = 4096
const mostStrings = 64 << 20

const PT_LOAD = 1
const PT_DYNAMIC = 2
const PT_INTERP = 3
const DT_NEEDED = 1
const DT_STRTAB = 5
const DT_STRSZ = 10
const DT_RPATH = 15
const DT_RUNPATH = 29

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: number
  readonly size: number
}

/** Reads an ELF file's headers and dynamic section; returns undefined for other files, and if headers contradict each other. */
export function readElf(read: ReadAt): Elf | undefined {
  const head = read(0, 64)
  if (head.length < 52 || head.readUInt32BE(0) !== 0x7f454c46) return undefined
  const wide = head[4] === 2
  const little = head[5] === 1
  if ((head[4] !== 1 && head[4] !== 2) || (head[5] !== 1 && head[5] !== 2) || (wide && head.length < 64))
    return undefined
  const numbers = new Numbers(little, wide)
  const kind = numbers.half(head, 16)
  const machine = numbers.half(head, 18)
  const segments = readSegments(read, head, numbers)
  if (segments === undefined) return undefined
  const dynamic = readDynamic(read, segments, numbers)
  const interpreter = segments.find(({ type }) => type === PT_INTERP)
  return {
    architecture: architectureOf(machine, wide, little),
    bits: wide ? 64 : 32,
    runs: kind === 2 || kind === 3,
    ...(interpreter === undefined
      ? {}
      : { interpreter: textAt(read(interpreter.offset, Math.min(interpreter.size, mostText)), 0) }),
    ...dynamic,
  }
}

function architectureOf(machine: number, wide: boolean, little: boolean): string {
  if (machine === 21 && !little) return 'ppc64'
  if (machine === 8) return `mips${wide ? '64' : ''}${little ? 'le' : ''}`
  return machines[machine] ?? `machine ${machine}`
}

function readSegments(read: ReadAt, head: Buffer, numbers: Numbers): readonly Segment[] | undefined {
  const { wide } = numbers
  const at = numbers.word(head, wide ? 32 : 28)
  const size = numbers.half(head, wide ? 54 : 42)
  const count = Math.min(numbers.half(head, wide ? 56 : 44), mostHeaders)
  if (count === 0) return []
  if (size < (wide ? 56 : 32) || !Number.isSafeInteger(at)) return undefined
  const table = read(at, size * count)
  const segments: Segment[] = []
  for (let from = 0; from + size <= table.length; from += size)
    segments.push({
      type: numbers.int(table, from),
      offset: numbers.word(table, from + (wide ? 8 : 4)),
      address: numbers.word(table, from + (wide ? 16 : 8)),
      size: numbers.word(table, from + (wide ? 32 : 16)),
    })
  return segments.filter(({ offset, address, size }) => [offset, address, size].every(Number.isSafeInteger))
}

function readDynamic(
  read: ReadAt,
  segments: readonly Segment[],
  numbers: Numbers,
): Pick<Elf, 'needed' | 'rpath' | 'runpath'> {
  const found = segments.find(({ type }) => type === PT_DYNAMIC)
  const none = { needed: [], rpath: [], runpath: [] }
  if (found === undefined) return none
  const entry = numbers.wide ? 16 : 8
  const table = read(found.offset, Math.min(found.size, entry * mostEntries))
  const tags: (readonly [tag: number, value: number])[] = []
  for (let at = 0; at + entry <= table.length; at += entry) {
    const tag = numbers.word(table, at)
    if (tag === 0) break
    tags.push([tag, numbers.word(table, at + entry / 2)])
  }
  const valueFor = (wanted: number) => tags.find(([tag]) => tag === wanted)?.[1]
  const strings = fileOffset(valueFor(DT_STRTAB), segments)
  if (strings === undefined) return none
  const text = read(strings, Math.min(valueFor(DT_STRSZ) ?? 0, mostStrings))
  const texts = (wanted: number) => tags.filter(([tag]) => tag === wanted).map(([, at]) => textAt(text, at))
  const folders = (wanted: number) => texts(wanted).flatMap((list) => list.split(':').filter((path) => path !== ''))
  return {
    needed: texts(DT_NEEDED).filter((name) => name !== ''),
    rpath: folders(DT_RPATH),
    runpath: folders(DT_RUNPATH),
  }
}

/** Returns the file offset of the byte loaded at an address. */
function fileOffset(address: number | undefined, segments: readonly Segment[]): number | undefined {
  if (address === undefined) return undefined
  const segment = segments.find(
    (one) => one.type === PT_LOAD && address >= one.address && address < one.address + one.size,
  )
  return segment === undefined ? undefined : segment.offset + address - segment.address
}

function textAt(bytes: Buffer, at: number): string {
  if (at >= bytes.length) return ''
  const end = bytes.indexOf(0, at)
  return bytes.toString('utf8', at, Math.min(end < 0 ? bytes.length : end, at + mostText))
}

/** Reads numbers in the file's byte order and width. */
class Numbers {
  readonly wide: boolean
  private readonly little: boolean

  constructor(little: boolean, wide: boolean) {
    this.little = little
    this.wide = wide
  }

  half(bytes: Buffer, at: number): number {
    return this.little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)
  }

  int(bytes: Buffer, at: number): number {
    return this.little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
  }

  /** Reads an address, offset or tag; returns an unsafe integer if it is out of range. */
  word(bytes: Buffer, at: number): number {
    if (!this.wide) return this.int(bytes, at)
    return Number(this.little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at))
  }
}
