import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { openTare } from '../src/index.ts'
import { BadRegistry } from '../test/kit/bad-registry.ts'
import { checkout, temporaryFolder } from '../test/kit/cli.ts'
import { unlessMissing } from '../test/kit/needs.ts'

const page = readFileSync(join(import.meta.dirname, 'library.md'), 'utf8')
const blocks = [...page.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map((match) => match[1]!)

const { chosen } = await (await openTare({ home: '/not/there' })).doctor()
const canRun = unlessMissing(chosen !== undefined, 'RUN does not work here (tare doctor)')

/** The examples of the page as one program; all but the first have names of their own. */
function programOf(registry: string): string {
  const examples = blocks.filter((text) => canRun || !text.includes('tare.run('))
  const [first, ...others] = examples.map((text) => text.replaceAll('registry.example', registry))
  return [first, ...others.map((text) => `{\n${text}}\n`), "console.log('all of them')\n"].join('\n')
}

test('every example of the library’s page compiles strictly, and runs', async () => {
  expect(blocks.length).toBeGreaterThan(7)
  const registry = await BadRegistry.start({ auth: 'basic' })
  onTestFinished(() => registry.stop())
  const folder = temporaryFolder()
  for (const name of ['docs', 'node_modules/@types']) mkdirSync(join(folder, name), { recursive: true })
  symlinkSync(checkout, join(folder, 'node_modules/tare'))
  for (const name of ['@types/node', 'undici-types'])
    symlinkSync(join(checkout, 'node_modules', name), join(folder, 'node_modules', name))
  writeFileSync(join(folder, 'docs/readme.txt'), 'read me\n')
  writeFileSync(join(folder, 'hello.txt'), 'hello\n')
  // The example's program, made where it is needed.
  copyFileSync(join(checkout, 'examples/hello/make-hello.js'), join(folder, 'make-hello.mjs'))
  execFileSync(process.execPath, [join(folder, 'make-hello.mjs')])
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY hello hello.txt /\n')
  writeFileSync(join(folder, 'program.mts'), programOf(registry.host))
  const compilerOptions = {
    ...{ target: 'es2022', lib: ['es2023'], module: 'nodenext', strict: true, types: [], skipLibCheck: false },
    ...{ exactOptionalPropertyTypes: true, outDir: 'out', rootDir: '.' },
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.mts'] }))
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  expect(spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' }).stdout).toBe('')
  const env = { PATH: process.env['PATH'], HOME: folder, TARE_HOME: join(folder, 'store') }
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'out/program.mjs')], {
    cwd: folder,
    env,
  })
  expect(stdout).toContain('hello\n')
  expect(stdout.endsWith('all of them\n')).toBe(true)
})
