import type { LayerTable } from '../../files/layer/index.ts'
import { decodeName } from '../../support/index.ts'

// By name, since a look into every file would be a read of the whole image.
const byEnding: readonly (readonly [RegExp, string])[] = [
  [/\.so(?:\.[\w.]+)?$/, 'shared library'],
  [/\.(?:a|o|la)$/, 'static library or object'],
  [/\.(?:pyc|pyo)$/, 'Python bytecode'],
  [/\.pyi?$/, 'Python source'],
  [/\.(?:[cm]?js|jsx)$/, 'JavaScript'],
  [/\.(?:[cm]?ts|tsx)$/, 'TypeScript'],
  [/\.map$/, 'source map'],
  [/\.(?:h|hh|hpp|hxx|c|cc|cpp|cxx|s|go|rs|java|rb|pl|pm|php)$/i, 'source'],
  [/\.(?:jar|war|class)$/, 'Java archive or class'],
  [/\.(?:tar|t?gz|tgz|xz|bz2|zst|zip|7z|whl|deb|apk|rpm|gem)$/, 'archive or package'],
  [/\.(?:md|rst|txt|html?|pdf|1|2|3|4|5|6|7|8|9|info)$/, 'documentation or text'],
  [/\.(?:png|jpe?g|gif|svg|ico|webp|bmp)$/i, 'picture'],
  [/\.(?:ttf|otf|woff2?|pcf)$/i, 'font'],
  [/\.(?:mo|po|pot|nls)$/, 'translation'],
  [/\.(?:json|ya?ml|toml|xml|ini|conf|cfg|properties)$/, 'configuration or data'],
  [/\.(?:db|sqlite3?|rdb|mdb)$/, 'database'],
  [/\.(?:log|tmp|cache|bak|old)$/, 'log, cache or backup'],
  [/\.(?:sh|bash|zsh|fish)$/, 'shell script'],
  [/\.(?:wasm|dll|exe|dylib)$/i, 'binary'],
]
const byFolder: readonly (readonly [RegExp, string])[] = [
  [/^(?:usr\/)?share\/(?:doc|man|info|licenses)\//, 'documentation or text'],
  [/^usr\/share\/locale\//, 'translation'],
  [/^usr\/share\/zoneinfo\//, 'time zone'],
  [/^var\/(?:cache|log)\/|^var\/lib\/apt\/lists\//, 'log, cache or backup'],
]

const endings = new Map<string, string | undefined>()
// Names of a hostile image may end in anything.
const mostEndings = 10_000

/** What files are that have this before their names. */
export function typeOfFolder(prefix: string): string | undefined {
  return byFolder.find(([pattern]) => pattern.test(prefix))?.[1]
}

/** What a file of this name is, wherever it is. */
export function typeOfName(name: string, mode: number): string {
  const dot = name.indexOf('.')
  return (dot < 0 ? undefined : typeOfEnding(name.slice(dot))) ?? typeOfMode(mode)
}

/** Types of the files of a layer by their names, which mostly end like the one before: then no text is made. */
export class EndingTypes {
  private readonly table: LayerTable
  private readonly first: number
  /** Where the ending of the file that was asked for last is in the names. */
  private start = 0
  private end = 0
  private type: string | undefined

  /** `first`: the number of its first entry in the image. */
  constructor(table: LayerTable, first: number) {
    this.table = table
    this.first = first
  }

  of(id: number): string {
    const { names, columns } = this.table
    const i = id - this.first
    const end = columns.nameEnd[i]!
    const start = endingIn(names, i === 0 ? 0 : columns.nameEnd[i - 1]!, end)
    if (!areSame(names, this.start, this.end, start, end))
      this.type = start === end ? undefined : typeOfEnding(decodeName(names.subarray(start, end)))
    this.start = start
    this.end = end
    return this.type ?? typeOfMode(columns.mode[i]!)
  }

  /** Returns the end of the files of this layer, beside each other in a list, that are known to be of the type asked for last. */
  endOfSame(ids: Uint32Array, from: number, to: number): number {
    const { first, start, end } = this
    const { names, count, columns } = this.table
    if (this.type === undefined) return from + 1
    let at = from + 1
    for (; at < to; at++) {
      const i = ids[at]! - first
      if (i < 1 || i >= count) break
      const itsEnd = columns.nameEnd[i]!
      if (!areSame(names, start, end, endingIn(names, columns.nameEnd[i - 1]!, itsEnd), itsEnd)) break
    }
    return at
  }
}

/** Returns where the first dot of a name is; its end if there is none. */
function endingIn(names: Uint8Array, start: number, end: number): number {
  let dot = start
  while (dot < end && names[dot] !== 0x2e) dot += 1
  return dot
}

function areSame(names: Uint8Array, start: number, end: number, other: number, otherEnd: number): boolean {
  if (end - start !== otherEnd - other) return false
  for (let at = 0; at < end - start; at++) if (names[start + at] !== names[other + at]) return false
  return true
}

function typeOfMode(mode: number): string {
  return (mode & 0o111) === 0 ? 'other' : 'executable'
}

/** All patterns begin with a dot, so that what comes before the first does not matter. */
function typeOfEnding(ending: string): string | undefined {
  if (endings.has(ending)) return endings.get(ending)
  const type = byEnding.find(([pattern]) => pattern.test(ending))?.[1]
  if (endings.size < mostEndings) endings.set(ending, type)
  return type
}
