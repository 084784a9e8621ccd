import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

interface Room {
  readonly may: readonly string[]
  readonly pure: boolean
}

// The table of ARCHITECTURE.md, from the lowest room to the highest. `index.ts` is the room that no folder has.
const rooms = readRooms(readFileSync(resolve(import.meta.dirname, '../ARCHITECTURE.md'), 'utf8'))

function readRooms(text: string): ReadonlyMap<string, Room> {
  const name = (cell: string) => (cell === 'index.ts' ? '' : cell)
  const rows = [...text.matchAll(/^\| `([\w./]+)` \| [^|]+ \| ([^|]+) \| ?(yes)? ?\|$/gm)]
  return new Map(
    rows.map(([, room, may, pure]) => [
      name(room!),
      { may: may === '–' ? [] : may!.split(', ').map(name), pure: pure === 'yes' },
    ]),
  )
}

// A pure room reads no disk, network, process or clock: those come in as arguments.
const impureModules = /^node:(?!buffer$|crypto$|util$)|^(?!node:)[a-z@]/
const impureNames = /\b(?:Date\.now|new Date\(\)|Math\.random|performance\.now|process\.)/

const root = resolve(import.meta.dirname, '../src')
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replaceAll('\\', '/'))
const sources = files.filter((file) => !file.endsWith('.test.ts'))
// What npm run proto writes may be long.
const written = sources.filter((file) => !file.endsWith('_pb.ts'))

const names = [...rooms.keys()].sort((a, b) => b.length - a.length)

function roomOf(file: string): string {
  const found = names.find((room) => room !== '' && file.startsWith(`${room}/`))
  return found ?? (file.includes('/') ? `(no room: ${file})` : '')
}

function importsIn(text: string): readonly string[] {
  return [...text.matchAll(/(?:\bfrom\s+|\bimport\s+|\bimport\(\s*|new URL\(\s*)'([^']+)'/g)].map((match) => match[1]!)
}

function importsOf(file: string): readonly { specifier: string; target: string | undefined }[] {
  return importsIn(readFileSync(join(root, file), 'utf8')).map((specifier) => {
    const target = specifier.startsWith('.')
      ? relative(root, resolve(root, dirname(file), specifier)).replaceAll('\\', '/')
      : undefined
    return { specifier, target }
  })
}

test('the table of dependencies is that of the package', () => {
  const read = (file: string) => readFileSync(resolve(import.meta.dirname, '..', file), 'utf8')
  const [, table] = read('ARCHITECTURE.md').split('## Dependencies')
  const told = [...table!.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name)
  expect(told).toEqual(Object.keys(JSON.parse(read('package.json')).dependencies).sort())
})

test('every file stands in a room of the table', () => {
  expect(sources.map(roomOf).filter((room) => room.startsWith('(no room'))).toEqual([])
  expect(sources.length).toBeGreaterThan(20)
  expect(names.filter((room) => !sources.some((file) => roomOf(file) === room))).toEqual([])
})

test('a room imports only the rooms that the table allows', () => {
  const wrong = sources.flatMap((file) =>
    importsOf(file)
      .filter(({ target }) => target !== undefined && roomOf(target) !== roomOf(file))
      .filter(({ target }) => !rooms.get(roomOf(file))!.may.includes(roomOf(target!)))
      .map(({ target }) => `${file} → ${target}`),
  )
  expect(wrong).toEqual([])
})

test('nothing is granted that nobody uses', () => {
  const used = new Set(
    sources.flatMap((file) =>
      importsOf(file).flatMap(({ target }) => (target === undefined ? [] : [`${roomOf(file)} → ${roomOf(target)}`])),
    ),
  )
  const granted = [...rooms].flatMap(([room, { may }]) => may.map((other) => `${room} → ${other}`))
  expect(granted.filter((edge) => !used.has(edge))).toEqual([])
})

test('the table goes upward: a room imports only rooms that stand above it there', () => {
  const order = [...rooms.keys()]
  const wrong = [...rooms].flatMap(([room, { may }]) =>
    may.filter((other) => order.indexOf(other) >= order.indexOf(room)).map((other) => `${room} → ${other}`),
  )
  expect(wrong).toEqual([])
})

test('no verb imports another', () => {
  const wrong = sources
    .filter((file) => file.startsWith('verbs/') && file !== 'verbs/library.ts' && file !== 'verbs/index.ts')
    .flatMap((file) =>
      importsOf(file)
        .filter(({ target }) => target?.startsWith('verbs/'))
        .map(({ target }) => `${file} → ${target}`),
    )
  expect(wrong).toEqual([])
})

test('no file is over 300 lines, and no folder has over 20 source files', () => {
  const long = written.filter((file) => readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length > 300)
  expect(long).toEqual([])
  const folders = new Map<string, number>()
  for (const file of sources) folders.set(dirname(file), (folders.get(dirname(file)) ?? 0) + 1)
  expect([...folders].filter(([, count]) => count > 20).map(([folder]) => folder)).toEqual([])
})

test('a room is entered by its door only', () => {
  const wrong = sources.flatMap((file) =>
    importsOf(file)
      .filter(({ target }) => target !== undefined && roomOf(target) !== roomOf(file))
      .filter(({ target }) => target !== (roomOf(target!) === '' ? 'index.ts' : `${roomOf(target!)}/index.ts`))
      .map(({ target }) => `${file} → ${target}`),
  )
  expect(wrong).toEqual([])
})

test('no imports go in a circle', () => {
  const graph = new Map(
    sources.map((file) => [
      file,
      importsOf(file).flatMap(({ target }) => (target !== undefined && files.includes(target) ? [target] : [])),
    ]),
  )
  const state = new Map<string, 'open' | 'done'>()
  const circles: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') {
      circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      return
    }
    state.set(file, 'open')
    for (const next of graph.get(file) ?? []) visit(next, [...path, file])
    state.set(file, 'done')
  }
  for (const file of sources) visit(file, [])
  expect(circles).toEqual([])
})

test('a pure room reaches for nothing outside', () => {
  const wrong = sources
    .filter((file) => rooms.get(roomOf(file))!.pure)
    .flatMap((file) => [
      ...importsOf(file)
        .filter(({ specifier }) => impureModules.test(specifier))
        .map(({ specifier }) => `${file} imports ${specifier}`),
      ...(impureNames.test(readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ''))
        ? [`${file} uses the clock, chance or the process`]
        : []),
    ])
  expect(wrong).toEqual([])
})

test('the page takes types and the explorer from the library, in a file each, and keeps to the same sizes', () => {
  const page = resolve(root, '../web/src')
  const own = readdirSync(page, { recursive: true, encoding: 'utf8' })
    .filter((file) => /(?<!\.test)\.tsx?$/.test(file))
    .map((file) => file.replaceAll('\\', '/'))
  const read = (file: string) => readFileSync(join(page, file), 'utf8')
  expect(own.length).toBeGreaterThan(20)
  expect(own.filter((file) => /'(?:\.\.\/)+src\//.test(read(file)))).toEqual(['explorer.ts', 'library.ts'])
  expect(read('library.ts').match(/^(?:export|import)(?! type).*/gm)).toBe(null)
  expect(importsIn(read('explorer.ts'))).toEqual(['../../src/explorer/index.ts'])
  // What the page has in its bundle needs nothing else of the library there.
  const bundled = sources.filter((file) => roomOf(file) === 'explorer')
  const values = bundled.flatMap((file) =>
    importsIn(readFileSync(join(root, file), 'utf8').replace(/^import type [^']*'[^']*'/gm, '')),
  )
  expect(values.filter((specifier) => !specifier.startsWith('./'))).toEqual([])
  expect(own.filter((file) => read(file).trimEnd().split('\n').length > 300)).toEqual([])
  for (const folder of new Set(own.map((file) => dirname(file))))
    expect(own.filter((file) => dirname(file) === folder).length, folder).toBeLessThanOrEqual(20)
})

test('each room opens with a door that says what it is for', () => {
  for (const room of names.filter((name) => sources.some((file) => roomOf(file) === name))) {
    const door = readFileSync(join(root, room, 'index.ts'), 'utf8')
    expect(door, `${room}/index.ts`).toMatch(/^\/\*\*\n \* \S/)
  }
})
