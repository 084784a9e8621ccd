export interface ElfSpec {
  /** e_machine. Default: 62, amd64. */
  readonly machine?: number
  readonly interpreter?: string
  readonly needed?: readonly string[]
  readonly rpath?: string
  readonly runpath?: string
  /** Default: a little-endian file of 64 bits. */
  readonly bits?: 32 | 64
  readonly big?: boolean
  /** What else is in the file. */
  readonly text?: string
}

/** An ELF file, by hand: headers, a dynamic section and its strings. Nothing in it can be executed. */
export function elfFile(spec: ElfSpec = {}): Buffer {
  const { machine = 62, interpreter, needed = [], rpath, runpath, bits = 64, big = false, text = '' } = spec
  const wide = bits === 64
  const number = (value: number, size: number): Buffer => {
    const bytes = Buffer.alloc(size)
    if (size === 8) big ? bytes.writeBigUInt64BE(BigInt(value)) : bytes.writeBigUInt64LE(BigInt(value))
    else if (size === 4) big ? bytes.writeUInt32BE(value) : bytes.writeUInt32LE(value)
    else big ? bytes.writeUInt16BE(value) : bytes.writeUInt16LE(value)
    return bytes
  }
  const word = (value: number) => number(value, wide ? 8 : 4)
  const head = wide ? 64 : 52
  const row = wide ? 56 : 32
  const segments = 3
  const strings: string[] = ['']
  const stringAt = (one: string) => {
    const at = Buffer.byteLength(strings.join('\0')) + 1
    strings.push(one)
    return at
  }
  const tags: [number, number][] = needed.map((name) => [1, stringAt(name)])
  if (rpath !== undefined) tags.push([15, stringAt(rpath)])
  if (runpath !== undefined) tags.push([29, stringAt(runpath)])
  const table = Buffer.from(`${strings.join('\0')}\0`)
  const loader = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`)
  const loaderAt = head + row * segments
  const tableAt = loaderAt + loader.length
  const dynamicAt = tableAt + table.length
  // Addresses differ from offsets, as they do in real files.
  const base = 0x400000
  const dynamic = Buffer.concat(
    [...tags, [5, base + tableAt], [10, table.length], [0, 0]].flatMap(([tag, value]) => [word(tag!), word(value!)]),
  )
  const end = dynamicAt + dynamic.length
  const segment = (type: number, offset: number, size: number) => {
    const [at, address, length] = [word(offset), word(base + offset), word(size)]
    return wide
      ? Buffer.concat([number(type, 4), number(4, 4), at, address, address, length, length, word(1)])
      : Buffer.concat([number(type, 4), at, address, address, length, length, number(4, 4), number(1, 4)])
  }
  return Buffer.concat([
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, big ? 2 : 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ...[number(3, 2), number(machine, 2), number(1, 4), word(base), word(head), word(0), number(0, 4)],
    ...[number(head, 2), number(row, 2), number(segments, 2), number(0, 2), number(0, 2), number(0, 2)],
    segment(1, 0, end),
    segment(interpreter === undefined ? 4 : 3, loaderAt, loader.length),
    segment(2, dynamicAt, dynamic.length),
    ...[loader, table, dynamic, Buffer.from(text)],
  ])
}
