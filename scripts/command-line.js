// Builds the command line as CommonJS, which Node loads in half the time of ES modules: main.cjs contains what every call needs,
// and each file in parts/ what only some need.
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
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

/** Bundles `main`, including `library`, into `folder`. */
export async function buildCommandLine({ main, library, folder }) {
  // esbuild splits only ES modules, so they are converted afterwards.
  const { outputFiles, metafile } = await build({
    ...common,
    entryPoints: { main, library },
    outdir: folder,
    splitting: true,
    format: 'esm',
    packages: 'external',
    define: { 'import.meta.url': 'moduleUrl' },
    plugins: [throughDoors],
    metafile: true,
  })
  const modules = new Map(outputFiles.map(({ path, text }) => [basename(path), text]))
  const always = withImports(['main.js', 'library.js'], metafile)
  mkdirSync(join(folder, 'parts'), { recursive: true })
  const write = async (file, names) => writeFileSync(join(folder, file), await translate(names, { modules, always }))
  await write('main.cjs', always)
  for (const name of modules.keys()) if (!always.has(name)) await write(`parts/${fileOf(name)}`, new Set([name]))
}

/** Returns the modules and all their transitive imports, except through `import()`. */
function withImports(names, { outputs }) {
  const byName = new Map(Object.entries(outputs).map(([path, { imports }]) => [basename(path), imports]))
  const found = new Set(names)
  for (const name of found)
    for (const { path, kind } of byName.get(name) ?? []) if (kind === 'import-statement') found.add(basename(path))
  return new Set([...found].filter((name) => byName.has(name)))
}

const fileOf = (module) => module.replace(/\.js$/, '.cjs')
const memberOf = (module) => module.replace(/\W/g, '_')

/** Returns CommonJS with the module's exports; in main.cjs, each module but the first is a member of its own. */
async function translate(names, { modules, always }) {
  const isMain = names === always
  const [first, ...others] = names
  const members = isMain ? others.map((name) => `export * as ${memberOf(name)} from "./${name}"`) : []
  const { outputFiles } = await build({
    ...common,
    stdin: { contents: [`export * from "./${first}"`, ...members].join('\n'), resolveDir: '/' },
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
  const [toMain, toParts] = isMain ? ['./main.cjs', './parts/'] : ['../main.cjs', './']
  const code = outputFiles[0].text.replace(/\brequire\("\.\/([\w-]+\.js)"\)/g, (_, name) =>
    always.has(name) ? `require("${toMain}").${memberOf(name)}` : `require("${toParts}${fileOf(name)}")`,
  )
  return withHelpers(loadBuiltinsLate(code))
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
