// Writes `hello`: a Linux program of 192 bytes that needs nothing else, so that an image of it alone can run.
import { chmodSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'

const message = Buffer.from('Hello from an image made of thin air.\n')

// Where the file is put in memory, and where in the file the instructions begin: after the two headers.
const base = 0x400000
const start = 64 + 56

/** Linux system calls: write(1, message, length), then exit(0). The message follows the instructions. */
const machines = {
  amd64: { elf: 62, code: codeForAmd64() },
  arm64: { elf: 183, code: codeForArm64() },
}

function codeForAmd64() {
  const length = 34
  return Buffer.concat([
    Buffer.from([0xb8, ...int32(1)]), // mov eax, 1        write
    Buffer.from([0xbf, ...int32(1)]), // mov edi, 1        standard output
    Buffer.from([0x48, 0x8d, 0x35, ...int32(length - 17)]), // lea rsi, [rip + …]: what follows the instructions
    Buffer.from([0xba, ...int32(message.length)]), // mov edx, length
    Buffer.from([0x0f, 0x05]), // syscall
    Buffer.from([0xb8, ...int32(60)]), // mov eax, 60       exit
    Buffer.from([0x31, 0xff]), // xor edi, edi
    Buffer.from([0x0f, 0x05]), // syscall
    Buffer.from([0x90]), // nop: an even end
  ])
}

function codeForArm64() {
  const move = (register, value) => 0xd2800000 + value * 32 + register // mov x<register>, #value
  const call = 0xd4000001 // svc #0
  const words = [
    move(0, 1), // standard output
    0x10000000 + 7 * 32 + 1, // adr x1, what follows the instructions: 7 words from here
    move(2, message.length),
    move(8, 64), // write
    call,
    move(0, 0),
    move(8, 93), // exit
    call,
  ]
  return Buffer.concat(words.map((word) => Buffer.from(int32(word))))
}

function int32(value) {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** The whole program: an ELF header, one segment that is the file itself, instructions, message. (elf(5)) */
export function helloProgram(architecture) {
  const { elf, code } = machines[architecture]
  const size = start + code.length + message.length
  const header = Buffer.alloc(start)
  header.write('\x7fELF', 0, 'latin1')
  header.set([2, 1, 1], 4) // 64 bits, little-endian, version 1
  header.writeUInt16LE(2, 16) // an executable
  header.writeUInt16LE(elf, 18)
  header.writeUInt32LE(1, 20)
  header.writeBigUInt64LE(BigInt(base + start), 24) // the first instruction
  header.writeBigUInt64LE(64n, 32) // where the table of segments is,
  header.set([64, 0, 56, 0, 1, 0], 52) // the sizes of both headers, and how many segments
  header.writeUInt32LE(1, 64) // a segment to load,
  header.writeUInt32LE(5, 68) // to read and to execute,
  header.writeBigUInt64LE(BigInt(base), 80)
  header.writeBigUInt64LE(BigInt(base), 88)
  header.writeBigUInt64LE(BigInt(size), 96)
  header.writeBigUInt64LE(BigInt(size), 104)
  header.writeBigUInt64LE(0x10000n, 112) // aligned to the largest page
  return Buffer.concat([header, code, message])
}

/** The architecture of the program for this machine; amd64 where there is none of its own. */
export function architectureHere() {
  return process.arch === 'arm64' ? 'arm64' : 'amd64'
}

/** Writes the program, with a time that is always the same: then the layer is, too. */
export function writeHello(file, architecture = architectureHere()) {
  writeFileSync(file, helloProgram(architecture))
  chmodSync(file, 0o755)
  utimesSync(file, 1_000_000_000, 1_000_000_000)
}

if (argv[1] === fileURLToPath(import.meta.url))
  writeHello(join(dirname(argv[1]), 'hello'), argv[2] ?? architectureHere())
