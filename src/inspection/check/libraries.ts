import type { RegularFile } from '../../files/tree/index.ts'
import type { Elf } from './elf.ts'
import type { Filesystem } from './filesystem.ts'

/** A missing library, and the file that needs it. */
export interface MissingLibrary {
  readonly name: string
  readonly neededBy: string
}

/** What is loaded for a program. */
export interface Loaded {
  readonly missing: readonly MissingLibrary[]
  /** Paths of the libraries found. */
  readonly libraries: readonly string[]
}

// Default directories of the distributions' loaders. (ld.so(8); Debian's multiarch)
const multiarch: Readonly<Record<string, readonly string[]>> = {
  amd64: ['x86_64-linux-gnu'],
  '386': ['i386-linux-gnu'],
  arm64: ['aarch64-linux-gnu'],
  arm: ['arm-linux-gnueabihf', 'arm-linux-gnueabi'],
  ppc64le: ['powerpc64le-linux-gnu'],
  s390x: ['s390x-linux-gnu'],
  riscv64: ['riscv64-linux-gnu'],
  loong64: ['loongarch64-linux-gnu'],
}

// No real program loads as many.
const mostLibraries = 2000

/** Finds the libraries the program's loader would find, including indirect dependencies. */
export function loadLibraries(
  files: Filesystem,
  path: string,
  elf: Elf,
  environment: ReadonlyMap<string, string>,
): Loaded {
  const search =
    elf.interpreter?.includes('ld-musl-') === true ? new MuslSearch(files, elf) : new GlibcSearch(files, elf)
  const preset = (environment.get('LD_LIBRARY_PATH') ?? '').split(/[:;]/).filter((folder) => folder !== '')
  const missing: MissingLibrary[] = []
  const seen = new Set<string>()
  const libraries = new Set<string>()
  const waiting: Requester[] = [{ path, elf, rpaths: [] }]
  for (let requester = waiting.pop(); requester !== undefined && seen.size < mostLibraries; requester = waiting.pop()) {
    const own = originOf(files, requester.path)
    const rpath = requester.elf.runpath.length > 0 ? [] : requester.elf.rpath.map((folder) => expand(folder, own, elf))
    const runpath = requester.elf.runpath.flatMap((folder) => expand(folder, own, elf))
    const rpaths = [...rpath.flat(), ...requester.rpaths]
    for (const name of requester.elf.needed) {
      if (search.isLoader(name) || seen.has(name)) continue
      seen.add(name)
      const folders = [...rpaths, ...preset, ...runpath, ...search.folders()]
      const found = name.includes('/') ? usable(files, name, elf) : firstUsable(files, folders, name, elf)
      if (found === undefined) missing.push({ name, neededBy: requester.path })
      else {
        libraries.add(found.path)
        waiting.push({ ...found, rpaths })
      }
    }
  }
  return { missing, libraries: [...libraries] }
}

interface Requester {
  readonly path: string
  readonly elf: Elf
  /** RPATHs of the files that depend on it. */
  readonly rpaths: readonly string[]
}

function firstUsable(files: Filesystem, folders: readonly string[], name: string, like: Elf) {
  for (const folder of folders) {
    const found = usable(files, `${folder}/${name}`, like)
    if (found !== undefined) return found
  }
  return undefined
}

/** Loaders skip libraries for other machines. */
function usable(files: Filesystem, path: string, like: Elf): { path: string; elf: Elf } | undefined {
  const file: RegularFile | undefined = files.file(path)
  const elf = file === undefined ? undefined : files.elf(file)
  if (elf === undefined || elf.architecture !== like.architecture || elf.bits !== like.bits) return undefined
  return { path: files.real(path), elf }
}

function originOf(files: Filesystem, path: string): string {
  const real = files.real(path)
  return `/${real.slice(0, Math.max(0, real.lastIndexOf('/')))}`
}

/**
 * Expands $ORIGIN, $LIB and $PLATFORM; $LIB may be any of the distributions' names for it. (ld.so(8), "Dynamic string tokens")
 */
function expand(folder: string, origin: string, elf: Elf): readonly string[] {
  const plain = folder.replace(/\$(?:ORIGIN\b|\{ORIGIN\})/g, origin)
  if (!/\$(?:LIB\b|\{LIB\})/.test(plain)) return [plain]
  const names = ['lib', 'lib64', ...(multiarch[elf.architecture] ?? []).map((name) => `lib/${name}`)]
  return names.map((name) => plain.replace(/\$(?:LIB\b|\{LIB\})/g, name))
}

/** Searches like glibc's loader: ld.so.conf and built-in directories. Its cache has the same content in a format of its own. */
class GlibcSearch {
  private readonly files: Filesystem
  private readonly elf: Elf
  private known: readonly string[] | undefined

  constructor(files: Filesystem, elf: Elf) {
    this.files = files
    this.elf = elf
  }

  /** The loader itself is already loaded. */
  isLoader(name: string): boolean {
    return /^ld(?:-linux[\w-]*|64)?\.so\.\d+$/.test(name)
  }

  folders(): readonly string[] {
    if (this.known !== undefined) return this.known
    const names = (multiarch[this.elf.architecture] ?? []).flatMap((name) => [`/lib/${name}`, `/usr/lib/${name}`])
    const wide = this.elf.bits === 64 ? ['/lib64', '/usr/lib64'] : []
    this.known = [
      ...this.configured('/etc/ld.so.conf', 0),
      ...names,
      ...wide,
      '/lib',
      '/usr/lib',
      '/lib32',
      '/usr/lib32',
    ]
    return this.known
  }

  private configured(path: string, depth: number): readonly string[] {
    if (depth > 8) return []
    const lines = (this.files.text(path, 1 << 20) ?? '').split('\n').map((line) => line.replace(/#.*/, '').trim())
    return lines.flatMap((line) => {
      const [, pattern] = /^include\s+(.+)$/.exec(line) ?? []
      if (pattern !== undefined) return this.matching(pattern).flatMap((one) => this.configured(one, depth + 1))
      return line.split(/[\s:,]+/).filter((folder) => folder.startsWith('/'))
    })
  }

  /** Returns the files of an include: a path, or one with `*` in its last part. */
  private matching(pattern: string): readonly string[] {
    const path = pattern.startsWith('/') ? pattern : `/etc/${pattern}`
    const folder = path.slice(0, path.lastIndexOf('/'))
    const name = path.slice(folder.length + 1)
    if (!name.includes('*')) return [path]
    const node = this.files.find(folder)
    if (node?.kind !== 'directory') return []
    const parts = name.split('*')
    const fits = (one: string) =>
      one.startsWith(parts[0]!) && one.endsWith(parts.at(-1)!) && one.length >= name.length - parts.length + 1
    return [...node.children.keys()]
      .filter(fits)
      .sort()
      .map((one) => `${folder}/${one}`)
  }
}

/** Searches like musl's loader: its path file, or built-in directories. (musl, ldso/dynlink.c) */
class MuslSearch {
  private readonly files: Filesystem
  private readonly interpreter: string

  constructor(files: Filesystem, { interpreter = '' }: Elf) {
    this.files = files
    this.interpreter = interpreter
  }

  /** musl is its own C library, under all these names. */
  isLoader(name: string): boolean {
    return /^lib(?:c|pthread|rt|m|dl|util|xnet)\./.test(name) || name.startsWith('ld-musl-')
  }

  folders(): readonly string[] {
    const [, architecture = ''] = /ld-musl-([^/]+)\.so/.exec(this.interpreter) ?? []
    const text = this.files.text(`/etc/ld-musl-${architecture}.path`, 1 << 16)
    if (text === undefined) return ['/lib', '/usr/local/lib', '/usr/lib']
    return text.split(/[:\n]/).filter((folder) => folder !== '')
  }
}
