import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const here = import.meta.dirname
const root = resolve(here, '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|(?:^|[\\/])(?:suite|test-kit)\.ts$/.test(file))
  .map((file) => read(join('src', file)))
const pages = readdirSync(here, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.md'))

/** First arguments that are a code: `new TareError('STORE_FULL', …)`, and what the rooms call to make one. */
function codesOfSources(): Set<string> {
  const codes = sources.flatMap((text) =>
    [...text.matchAll(/\b(?:TareError|refusal|refused|damaged)\(\s*'([A-Z][A-Z0-9_]+)'/g)].map((match) => match[1]!),
  )
  return new Set(codes)
}

const union = [...read('src/support/error-codes.ts').matchAll(/^ {2}\| '([A-Z0-9_]+)'$/gm)].map((match) => match[1]!)
const told = [...read('docs/errors.md').matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) =>
  [...cell!.matchAll(/`([A-Z0-9_]+)`/g)].map((match) => match[1]!),
)

test('the type of error codes names what is thrown, each once and in order', () => {
  expect(union.length).toBeGreaterThan(150)
  expect(union).toEqual([...codesOfSources()].sort())
})

test('every error code has one row in the page of errors, and the page has no other', () => {
  expect([...told].sort()).toEqual(union)
})

test('every link leads to a file', () => {
  const files = [...pages.map((page) => `docs/${page}`), 'README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md']
  const examples = readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' })
  for (const example of examples) if (example.endsWith('.md')) files.push(`examples/${example}`)
  expect(files.length).toBeGreaterThan(20)
  const broken = files.flatMap((file) =>
    [...read(file).matchAll(/\]\((?!https?:)([^)#]+)/g)]
      .map((match) => match[1]!)
      .filter((target) => !existsSync(join(root, dirname(file), target)))
      .map((target) => `${file} → ${target}`),
  )
  expect(broken).toEqual([])
})

test('every flag that is told of exists', () => {
  const cli = readdirSync(join(root, 'src/cli'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => read(join('src/cli', file)))
    .join('\n')
  const instructions = readdirSync(join(root, 'src/dockerfile/instructions')).map((file) =>
    read(join('src/dockerfile/instructions', file)),
  )
  const known = cli + instructions.join('\n')
  // Flags of other programs, in lines that show these.
  const others = new Set([
    'rootless',
    'layout',
    'image',
    'format',
    'add-subuids',
    'add-subgids',
    'privileged',
    'cap-drop',
    'security-opt',
    // docker context create
    'docker',
  ])
  const told = [...pages.map((page) => read(`docs/${page}`)), read('README.md')].flatMap((text) =>
    [...text.matchAll(/(?<![\w-])--([a-z][a-z-]+)/g)].map((match) => match[1]!),
  )
  const missing = told.filter((flag) => !others.has(flag) && !new RegExp(`(?:\\b|')${flag}'?\\??: `).test(known))
  expect([...new Set(missing)]).toEqual([])
})
