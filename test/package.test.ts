import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkout } from './kit/cli.ts'
import { nodeOf } from './kit/nodes.ts'

// The package as npm would publish it, installed into a program of somebody else's.

const folder = mkdtempSync(join(tmpdir(), 'tare-package-'))
const consumer = join(folder, 'consumer')
const installed = join(consumer, 'node_modules/tare')
const modules = join(checkout, 'node_modules')
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
let said = ''

function npm(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: consumer, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm ${args.join(' ')}: ${stderr}`)
  return stdout + stderr
}

beforeAll(() => {
  mkdirSync(consumer, { recursive: true })
  writeFileSync(join(consumer, 'package.json'), '{ "name": "consumer", "private": true }')
  // What tare depends on comes from the checkout, so that no registry is asked.
  const needs = Object.keys(JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')).dependencies)
  const packages = [...needs.map((name) => join(modules, name)), checkout]
  npm('pack', '--ignore-scripts', '--silent', '--pack-destination', folder, ...packages)
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  said = npm(
    'install',
    '--offline',
    '--no-audit',
    '--foreground-scripts',
    ...tarballs.map((name) => join(folder, name)),
  )
  mkdirSync(join(consumer, 'node_modules/@types'))
  for (const name of ['@types/node', 'undici-types'])
    symlinkSync(join(modules, name), join(consumer, 'node_modules', name))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('an installation runs no script', () => {
  expect(said).not.toMatch(/^> /m)
  expect(existsSync(join(installed, 'dist/index.js'))).toBe(true)
})

test('the package holds what runs, its types in one file, and what its pages link to', () => {
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'))
  expect(files.filter((file) => file.endsWith('.d.ts'))).toEqual(['dist/index.d.ts'])
  expect(files.filter((file) => /\.test\.|^(?:src|test|scripts|bench)\//.test(file))).toEqual([])
  const pages = files.filter((file) => file.endsWith('.md'))
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/library.md', 'examples/hello/README.md']))
  const broken = pages.flatMap((page) =>
    [...readFileSync(join(installed, page), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g)]
      .map((match) => match[1]!)
      .filter((target) => !existsSync(join(installed, dirname(page), target)))
      .map((target) => `${page} → ${target}`),
  )
  expect(broken).toEqual([])
})

test('a module of the library has a source map with its source', () => {
  const map = JSON.parse(readFileSync(join(installed, 'dist/index.js.map'), 'utf8'))
  expect(map.sourcesContent[0]).toContain('openTare')
  expect(readFileSync(join(installed, 'dist/index.js'), 'utf8')).toContain('//# sourceMappingURL=index.js.map')
})

test('every type has hover text, and every option its own, with its default', () => {
  const text = readFileSync(join(installed, 'dist/index.d.ts'), 'utf8')
  const missing: string[] = []
  let [current, doc] = ['', '']
  for (const line of text.split('\n')) {
    const declared = /^export (?:declare )?(?:class|const|function|interface|type) (\w+)/.exec(line)?.[1]
    const [, option, isOptional] = /^ {4}readonly (\w+)(\?)?:/.exec(line) ?? []
    if (declared !== undefined) {
      current = declared
      if (doc === '') missing.push(declared)
    } else if (option !== undefined && /(?:Options|Source|Cache|Context|NewLayer)$/.test(current)) {
      if (doc === '' && (isOptional || current.endsWith('Options'))) missing.push(`${current}.${option}`)
      else if (isOptional && !doc.includes('Default')) missing.push(`the default of ${current}.${option}`)
    }
    // A comment belongs to the line after it.
    if (/^ *\/\*\*/.test(line)) doc = line
    else doc = /^ *\*/.test(line) ? doc + line : ''
  }
  expect(missing).toEqual([])
})

/** Every type that the package exports. */
function exportedTypes(): readonly string[] {
  const text = readFileSync(join(installed, 'dist/index.d.ts'), 'utf8')
  return [...text.matchAll(/^export (?:interface|type|declare class) (\w+)/gm)].map((match) => match[1]!)
}

const program = `
const folder = process.argv[2]!
async function main() {
  const tare: Tare = await openTare({ home: folder, environment: {} })
  const built: BuildResult = await tare.build({
    context: { kind: 'empty' },
    dockerfile: { text: 'FROM scratch\\nLABEL a=b\\n' },
    tags: ['app'],
    signal: AbortSignal.timeout(60_000),
    report: (event: TareEvent) => void event,
  })
  const [image] = await tare.images.list()
  const { Config } = await tare.images.inspect('app')
  let code: TareErrorCode | undefined
  try {
    await tare.images.inspect('nothing')
  } catch (error) {
    if (error instanceof TareError) code = error.code
  }
  console.log(JSON.stringify([image?.id === built.id, Config.Labels, code]))
}
void main()
`

/** A program of this module resolution, compiled strictly. Returns the files it became. */
function compile(name: string, options: object, files: Readonly<Record<string, string>>): string {
  const project = join(consumer, name)
  mkdirSync(project)
  for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text)
  const compilerOptions = {
    ...{
      target: 'es2022',
      lib: ['es2023'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
    },
    // Only what the package itself refers to, and console.
    ...{ types: [], skipLibCheck: false, outDir: 'out', rootDir: '.', ...options },
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: Object.keys(files) }))
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' })
  expect(stdout).toBe('')
  expect(status).toBe(0)
  return join(project, 'out')
}

const imports = `import { openTare, TareError } from 'tare'\nimport type { BuildResult, Tare, TareErrorCode, TareEvent } from 'tare'\n`

test('a strict program of either module system names every type, with nodenext, and runs on each Node', () => {
  const types = exportedTypes()
  expect(types).toEqual(expect.arrayContaining(['ContainerConfig', 'Digest', 'Platform', 'TareErrorCode', 'TareEvent']))
  const every = `import type { ${types.join(', ')} } from 'tare'\nexport type All = [${types.join(', ')}]\n`
  const out = compile(
    'nodenext',
    { module: 'nodenext' },
    { 'program.mts': imports + program, 'program.cts': imports + program, 'types.mts': every },
  )
  for (const { node } of nodes.filter(({ node }) => node !== undefined))
    for (const file of ['program.mjs', 'program.cjs']) expect(run(node!, join(out, file)), file).toEqual(expected)
})

test('a strict program that a bundler would resolve compiles', () => {
  compile(
    'bundler',
    { module: 'esnext', moduleResolution: 'bundler', noEmit: true },
    { 'program.ts': imports + program },
  )
})

test('a program that misuses an option or a code does not compile', () => {
  const rows: readonly (readonly [line: string, error: string])[] = [
    [`await tare.images.save({ names: ['app'], to: { path: 'x' } })`, ''],
    [`await tare.images.save({ names: 'app', to: { path: 'x' } })`, 'TS2322'],
    [`await tare.build({ context: { kind: 'empty' }, tag: 'app' })`, 'TS2561'],
    [`await tare.images.list({ filters: ['dangling=true', 'label=a=b', 'until=24h'] })`, ''],
    [`await tare.images.list({ filters: ['colour=red'] })`, 'TS2322'],
    [`await tare.cache.usage({ filters: ['type=exec.cachemount', 'inuse', 'id~=^ab'] })`, ''],
    [`await tare.cache.prune({ filters: ['label=a'] })`, 'TS2322'],
    [`const other: TareErrorCode = 'STORE_FUL'; return other`, 'TS2820'],
  ]
  const project = mkdtempSync(join(consumer, 'wrong-'))
  const files = rows.map(([line], i) => {
    const lines = `import { openTare, type TareErrorCode } from 'tare'\nexport async function f() {\n  const tare = await openTare()\n  ${line}\n}\nexport const code: TareErrorCode = 'STORE_FULL'\n`
    writeFileSync(join(project, `program${i}.mts`), lines)
    return join(project, `program${i}.mts`)
  })
  const flags = ['--ignoreConfig', '--pretty', 'false', '--module', 'nodenext', '--strict', '--noEmit']
  const libraries = ['--skipLibCheck', '--types', '', '--lib', 'es2023']
  const { stdout } = spawnSync(process.execPath, [tsc, ...flags, ...libraries, ...files], { encoding: 'utf8' })
  const errors = rows.map(
    (_, i) => new RegExp(`program${i}\\.mts\\(\\d+,\\d+\\): error (TS\\d+)`).exec(stdout)?.[1] ?? '',
  )
  expect(errors).toEqual(rows.map(([, error]) => error))
})

const nodes = [20, 22, 24].map((major) => ({ major, node: nodeOf(major) }))
const expected = [true, { a: 'b' }, 'IMAGE_UNKNOWN']

function run(node: string, file: string): unknown {
  const home = mkdtempSync(join(folder, 'home-'))
  const env = { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1' }
  return JSON.parse(execFileSync(node, [file, home], { encoding: 'utf8', env }))
}

for (const { major, node } of nodes)
  test.skipIf(node === undefined)(`the package works on Node ${major}, as a module and by require`, () => {
    const lines = (load: string) =>
      `${load}\n;(async () => { const tare = await openTare({ home: process.argv[2] }); console.log(JSON.stringify([process.versions.node, await tare.images.list()])) })()\n`
    writeFileSync(join(consumer, 'plain.mjs'), lines(`import { openTare } from 'tare'`))
    writeFileSync(join(consumer, 'plain.cjs'), lines(`const { openTare } = require('tare')`))
    for (const file of ['plain.mjs', 'plain.cjs'])
      expect(run(node!, join(consumer, file))).toEqual([expect.stringMatching(`^${major}\\.`), []])
  })
