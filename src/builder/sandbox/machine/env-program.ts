import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { findProgram, plainEnvironment } from './programs.ts'

let found: readonly string[] | undefined

/**
 * Returns the start of a command line that runs this machine's env(1), with its loader and libraries, by relative paths: for a
 * process whose working directory is this machine's `/`, but whose root has already changed. So the last of our own programs
 * before the command can set any variable, even those for the dynamic linker, without using a shell of the image.
 */
export function envFromOutside(): readonly string[] {
  found ??= look(findProgram('env') ?? '/usr/bin/env')
  return found
}

function look(program: string): readonly string[] {
  // The base name is kept: a multi-call program depends on it. Its folder may be a symlink.
  const path = join(realpathSync(dirname(program)), basename(program))
  const real = realpathSync(path)
  const head = headOf(real)
  const script = /^#!\s*(\/\S+) --coreutils-prog-shebang=env\s/.exec(head.toString('latin1'))
  if (script !== null) return [...loaderOf(realpathSync(script[1]!)), '--coreutils-prog=env']
  return loaderOf(isSame(dirname(real), dirname(path)) ? path : real)
}

function isSame(a: string, b: string): boolean {
  return realpathSync(a) === realpathSync(b)
}

function loaderOf(path: string): readonly string[] {
  const loader = interpreterOf(headOf(path))
  if (loader === undefined) return [`.${path}`]
  const { stdout } = spawnSync(loader, ['--list', path], { env: plainEnvironment, encoding: 'utf8' })
  const libraries = [...(stdout ?? '').matchAll(/=> (\/.+) \(0x/g)].map((match) => dirname(realpathSync(match[1]!)))
  const folders = [...new Set(libraries)].map((folder) => `.${folder}`).join(':')
  return [`.${realpathSync(loader)}`, ...(folders === '' ? [] : ['--library-path', folders]), `.${path}`]
}

function headOf(path: string): Buffer {
  const fd = openSync(path, 'r')
  try {
    const head = Buffer.alloc(4096)
    return head.subarray(0, readSync(fd, head, 0, head.length, 0))
  } finally {
    closeSync(fd)
  }
}

const interpreterSegment = 3

/**
 * Returns the dynamic linker that a program of this machine requests. (elf(5), PT_INTERP; 64-bit like all machines Node runs on,
 * or 32-bit)
 */
function interpreterOf(head: Buffer): string | undefined {
  if (head.length < 64 || head.readUInt32BE(0) !== 0x7f454c46) return undefined
  const wide = head[4] === 2
  const little = head[5] === 1
  const number = (at: number, size: 2 | 4 | 8) =>
    size === 8
      ? Number(little ? head.readBigUInt64LE(at) : head.readBigUInt64BE(at))
      : little
        ? head.readUIntLE(at, size)
        : head.readUIntBE(at, size)
  const table = wide ? number(32, 8) : number(28, 4)
  const [size, count] = wide ? [number(54, 2), number(56, 2)] : [number(42, 2), number(44, 2)]
  for (let at = table; at < table + size * count && at + size <= head.length; at += size) {
    if (number(at, 4) !== interpreterSegment) continue
    const [start, length] = wide ? [number(at + 8, 8), number(at + 32, 8)] : [number(at + 4, 4), number(at + 16, 4)]
    if (start + length > head.length) return undefined
    return head.toString('utf8', start, start + length - 1)
  }
  return undefined
}
