// Builds the command line as CommonJS, which Node loads in half the time of ES modules: main.cjs contains what every call needs,
// and each file in parts/ what only some need.
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { throughDoors } from './through-doors.js'

const common = {
  platform: 'node',
  target: 'node20.19',
  bundle: true,
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  write: false,
}

/** A package of many small files loads in a fraction of the time as one, and without what is not used. */
const bundled = {
  name: 'bundled',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^@bufbuild\/protobuf(?:\/|$)/ }, ({ path }) => ({
      path: fileURLToPath(import.meta.resolve(path)),
      sideEffects: false,
    })),
}

// What the verbs that are called most often load lies in as few files as possible.
const quick = {
  build: ['src/cli/verbs/build/build.ts', 'src/verbs/build/build.ts'],
  images: ['src/cli/verbs/images/images.ts', 'src/verbs/images/images.ts'],
  inspect: ['src/cli/verbs/images/inspect.ts', 'src/verbs/images/inspect.ts'],
  save: ['src/cli/verbs/images/save.ts', 'src/verbs/images/save.ts'],
}

/** Bundles `main`, a file of `root`, including the library, into `folder`; with `inside` also the packages it depends on. */
export async function buildCommandLine({ root, main, folder, inside = false }) {
  // esbuild splits only ES modules, so they are converted afterwards.
  const { outputFiles, metafile } = await build({
    ...common,
    entryPoints: { main: join(root, main), library: join(root, 'src/index.ts') },
    outdir: folder,
    splitting: true,
    format: 'esm',
    packages: inside ? 'bundle' : 'external',
    define: { 'import.meta.url': 'moduleUrl' },
    plugins: [bundled, throughDoors({ inside })],
    metafile: true,
  })
  const modules = new Map(outputFiles.map(({ path, text }) => [basename(path), text]))
  const defaults = new Set(
    Object.entries(metafile.outputs)
      .filter(([, { exports }]) => exports.includes('default'))
      .map(([path]) => basename(path)),
  )
  const files = intoFiles(modules.keys(), metafile)
  mkdirSync(join(folder, 'parts'), { recursive: true })
  const hash = createHash('sha256')
  for (const file of files.keys()) {
    const code = await translate(file, { modules, files, defaults })
    // It is read as Latin-1, which is faster.
    if (/[^\x00-\x7f]/.test(code)) throw new Error(`${file} is not ASCII`)
    writeFileSync(join(folder, file), code)
    hash.update(code)
  }
  // What was compiled from these files is kept under this name.
  writeFileSync(join(folder, 'id'), hash.digest('hex').slice(0, 16))
}

/** Maps each file to the modules in it: main.cjs to what every call needs, and each other file to what the same verbs need. */
function intoFiles(modules, metafile) {
  const always = withImports(['main.js', 'library.js'], metafile)
  const verbs = Object.entries(quick).map(([verb, sources]) => [
    verb,
    withImports(entriesOf(sources, metafile), metafile),
  ])
  const files = new Map([['main.cjs', always]])
  for (const module of modules) {
    if (always.has(module)) continue
    // Whatever needs a module also needs its imports, so files never import each other in a circle.
    const users = verbs.filter(([, needed]) => needed.has(module)).map(([verb]) => verb)
    const file = `parts/${users.join('-') || basename(module, '.js')}.cjs`
    files.set(file, new Set([...(files.get(file) ?? []), module]))
  }
  return files
}

/** Returns the modules that `import()` of the source files loads. */
function entriesOf(sources, { outputs }) {
  const found = Object.entries(outputs).filter(([, { entryPoint }]) =>
    sources.some((source) => entryPoint?.endsWith(source)),
  )
  if (found.length !== sources.length) throw new Error(`not every file is loaded by import(): ${sources.join(', ')}`)
  return found.map(([path]) => basename(path))
}

/** Returns the modules and all their transitive imports, except through `import()`. */
function withImports(names, { outputs }) {
  const byName = new Map(Object.entries(outputs).map(([path, { imports }]) => [basename(path), imports]))
  const found = new Set(names)
  for (const name of found)
    for (const { path, kind } of byName.get(name) ?? []) if (kind === 'import-statement') found.add(basename(path))
  return new Set([...found].filter((name) => byName.has(name)))
}

const memberOf = (module) => module.replace(/\W/g, '_')

/** Returns a file's modules as CommonJS. Each module is a member, unless it is the only one, or the first in main.cjs. */
async function translate(file, { modules, files, defaults }) {
  const names = files.get(file)
  const { outputFiles } = await build({
    ...common,
    stdin: { contents: exportsOf(file, [...names], defaults), resolveDir: '/' },
    format: 'cjs',
    supported: { 'dynamic-import': false },
    plugins: [
      {
        name: 'modules',
        setup({ onLoad, onResolve }) {
          onResolve({ filter: /.*/ }, ({ path }) =>
            names.has(basename(path)) ? { path: basename(path), namespace: 'module' } : { path, external: true },
          )
          onLoad({ filter: /.*/, namespace: 'module' }, ({ path }) => ({ contents: modules.get(path) }))
        },
      },
    ],
  })
  const code = outputFiles[0].text.replace(/\brequire\("\.\/([\w-]+\.js)"\)/g, (_, name) =>
    requireOf(name, file, files),
  )
  return withHelpers(loadBuiltinsLate(code))
}

function exportsOf(file, names, defaults) {
  return names
    .map((name, index) => {
      if (names.length > 1 && (file !== 'main.cjs' || index > 0))
        return `export * as ${memberOf(name)} from "./${name}"`
      // The default, which a package in CommonJS has, is not part of `*`.
      return `export * from "./${name}"${defaults.has(name) ? `\nexport { default } from "./${name}"` : ''}`
    })
    .join('\n')
}

/** Returns the expression with which `from` loads a module. */
function requireOf(module, from, files) {
  const [file, names] = [...files].find(([, names]) => names.has(module))
  const path = posix.relative(posix.dirname(from), file)
  return `require("${path.startsWith('.') ? path : `./${path}`}")${names.size === 1 ? '' : `.${memberOf(module)}`}`
}

// Node loads these at every start.
const loaded = ['buffer', 'events', 'fs', 'module', 'path', 'timers', 'url', 'util']
const builtinImport = new RegExp(`=require\\(("node:(?!(?:${loaded.join('|')})")[\\w/]+")\\)`, 'g')

/** Makes all other Node modules load on first use: crypto takes 6 ms, http 15 ms. */
function loadBuiltinsLate(code) {
  return code.replace(builtinImport, '=builtin($1)')
}

const helpers = {
  builtin: 'const builtin=name=>{let whole;return new Proxy({},{get:(_,member)=>(whole??=require(name))[member]})};',
  moduleUrl: 'const moduleUrl=require("node:url").pathToFileURL(__filename).href;',
}

function withHelpers(code) {
  const used = Object.keys(helpers).filter((name) => new RegExp(`\\b${name}\\b`).test(code))
  return `"use strict";${used.map((name) => helpers[name]).join('')}${code}`
}
