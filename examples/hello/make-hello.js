// Writes `hello`, a static Linux program of 192 bytes, so that an image containing nothing else can run.
import { chmodSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'

const message = Buffer.from('Hello from an image made of thin air.\n')

// Where the file is loaded, and the offset of the code in the file: after the two headers.
const base = 0x400000
const start = 64 + 56

/** Linux system calls: write(1, message, length), then exit(0). The message follows the code. */
const machines = {
  amd64: { elf: 62, code: codeForAmd64() },
  arm64: { elf: 183, code: codeForArm64() },
}

function codeForAmd64() {
  const length = 34
  return Buffer.concat([
    Buffer.from([0xb8, ...int32(1)]), // mov eax, 1        write
    Buffer.from([0xbf, ...int32(1)]), // mov edi, 1        standard output
    Buffer.from([0x48, 0x8d, 0x35, ...int32(length - 17)]), // lea rsi, [rip + …]: the message after the code
    Buffer.from([0xba, ...int32(message.length)]), // mov edx, length
    Buffer.from([0x0f, 0x05]), // syscall
    Buffer.from([0xb8, ...int32(60)]), // mov eax, 60       exit
    Buffer.from([0x31, 0xff]), // xor edi, edi
    Buffer.from([0x0f, 0x05]), // syscall
    Buffer.from([0x90]), // nop: for an even length
  ])
}

function codeForArm64() {
  const move = (register, value) => 0xd2800000 + value * 32 + register // mov x<register>, #value
  const call = 0xd4000001 // svc #0
  const words = [
    move(0, 1), // standard output
    0x10000000 + 7 * 32 + 1, // adr x1, the message after the code: 7 words from here
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

/** Returns the whole program: an ELF header, one segment containing the file itself, code, message. (elf(5)) */
export function helloProgram(architecture) {
  const { elf, code } = machines[architecture]
  const size = start + code.length + message.length
  const header = Buffer.alloc(start)
  header.write('\x7fELF', 0, 'latin1')
  header.set([2, 1, 1], 4) // 64-bit, little-endian, version 1
  header.writeUInt16LE(2, 16) // an executable
  header.writeUInt16LE(elf, 18)
  header.writeUInt32LE(1, 20)
  header.writeBigUInt64LE(BigInt(base + start), 24) // the entry point
  header.writeBigUInt64LE(64n, 32) // the offset of the program headers,
  header.set([64, 0, 56, 0, 1, 0], 52) // the sizes of both headers, and the number of segments
  header.writeUInt32LE(1, 64) // a loadable segment,
  header.writeUInt32LE(5, 68) // readable and executable,
  header.writeBigUInt64LE(BigInt(base), 80)
  header.writeBigUInt64LE(BigInt(base), 88)
  header.writeBigUInt64LE(BigInt(size), 96)
  header.writeBigUInt64LE(BigInt(size), 104)
  header.writeBigUInt64LE(0x10000n, 112) // aligned to the largest page size
  return Buffer.concat([header, code, message])
}

/** Returns the architecture for this machine; amd64 if there is no program for its own. */
export function architectureHere() {
  return process.arch === 'arm64' ? 'arm64' : 'amd64'
}

/** Writes the program with a fixed time, so that the layer is always the same. */
export function writeHello(file, architecture = architectureHere()) {
  writeFileSync(file, helloProgram(architecture))
  chmodSync(file, 0o755)
  utimesSync(file, 1_000_000_000, 1_000_000_000)
}

if (argv[1] === fileURLToPath(import.meta.url))
  writeHello(join(dirname(argv[1]), 'hello'), argv[2] ?? architectureHere())
