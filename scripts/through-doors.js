import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * Redirects imports from a room's door (index.ts) to the files behind it. esbuild puts everything a door exports into one chunk;
 * a verb that wants a single function would load the whole room. With `inside`, packages that are loaded on demand are bundled too.
 */
export const throughDoors = ({ inside }) => ({
  name: 'through-doors',
  setup({ onLoad }) {
    const doors = new Map()
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      loader: 'ts',
      contents: readFileSync(path, 'utf8')
        .replace(imports, (whole, names, from) =>
          from.endsWith('/index.ts') ? importsBehind(whole, names, join(dirname(path), from), doors) : whole,
        )
        .replaceAll('createRequire(import.meta.url)(', inside ? 'require(' : '$&'),
    }))
  },
})

const imports = /^import \{([^}]*)\} from '(\.[^']+)'$/gm
const exports = /^export (?:\* from|\{([^}]*)\} from) '(\.[^']+)'$/gm
const declarations = /^export (?:async function\*?|function\*?|const|class) (\w+)/gm

/** Parses `a`, `b as c`, but not types. */
function values(names) {
  return names
    .split(',')
    .map((name) => name.trim().split(' as '))
    .filter(([name]) => name !== '' && !name.startsWith('type '))
    .map(([name, alias = name]) => ({ name, alias }))
}

function importsBehind(whole, names, door, doors) {
  const behind = exportsOf(door, doors)
  // Names that are not found are types, or are left to the door.
  if (values(names).some(({ name }) => !behind.has(name))) return whole
  return values(names)
    .map(({ name, alias }) => {
      const { file, original } = behind.get(name)
      return `import { ${original} as ${alias} } from ${JSON.stringify(file)}`
    })
    .join('; ')
}

/** Returns a file's exports: the name, the file that declares it, and its name there. */
function exportsOf(path, known) {
  const found = known.get(path)
  if (found !== undefined) return found
  const names = new Map()
  known.set(path, names)
  const text = readFileSync(path, 'utf8')
  for (const [, name] of text.matchAll(declarations)) names.set(name, { file: path, original: name })
  for (const [, list, from] of text.matchAll(exports)) {
    const behind = exportsOf(join(dirname(path), from), known)
    if (list === undefined) for (const [name, where] of behind) names.set(name, where)
    else for (const { name, alias } of values(list)) if (behind.has(name)) names.set(alias, behind.get(name))
  }
  return names
}
