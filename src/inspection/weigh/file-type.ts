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
  return (dot < 0 ? undefined : typeOfEnding(name.slice(dot))) ?? ((mode & 0o111) === 0 ? 'other' : 'executable')
}

/** All patterns begin with a dot, so that what comes before the first does not matter. */
function typeOfEnding(ending: string): string | undefined {
  if (endings.has(ending)) return endings.get(ending)
  const type = byEnding.find(([pattern]) => pattern.test(ending))?.[1]
  if (endings.size < mostEndings) endings.set(ending, type)
  return type
}
