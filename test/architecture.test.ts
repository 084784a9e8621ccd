import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

// The table of ARCHITECTURE.md: what each room may import, besides what stands in the room itself.
const content = ['content', 'content/store', 'content/archive', 'content/registry', 'content/layers']
const layers = ['files/tar', 'files/tree', 'files/layer']
const sandbox = ['step', 'seccomp', 'machine', 'rootfs', 'mounts', 'run'].map((room) => `builder/sandbox/${room}`)
const everythingBelowVerbs = [
  ...['support', 'oci', 'dockerfile', 'files/compression', 'files/tar', 'files/tree', 'files/layer', 'files/context'],
  ...['disk', 'net', 'api', ...content, 'builder/plan', 'builder/sandbox', 'builder/solve', 'builder/assemble'],
]
const rooms: Record<string, { may: readonly string[]; pure?: true }> = {
  support: { may: [] },
  disk: { may: ['support'] },
  net: { may: ['support'] },
  oci: { may: ['support'], pure: true },
  dockerfile: { may: ['support'], pure: true },
  'files/compression': { may: ['support'] },
  'files/tar': { may: ['support'], pure: true },
  'files/tree': { may: ['support'], pure: true },
  'files/layer': { may: ['support', 'oci', 'files/tar', 'files/tree'] },
  'files/context': { may: ['support', 'files/compression', 'files/tar', 'files/tree', 'files/layer'] },
  content: { may: ['support', 'oci'], pure: true },
  'content/store': { may: ['support', 'disk', 'oci', 'content'] },
  'content/archive': { may: ['support', 'disk', 'oci', 'content', 'files/tar', 'files/compression'] },
  'content/registry': { may: ['support', 'net', 'oci', 'content', 'content/registry/auth'] },
  'content/registry/auth': { may: ['support', 'disk', 'net'] },
  'content/layers': { may: ['support', 'oci', 'files/tree', 'files/layer', 'content/store'] },
  'builder/plan': { may: ['support', 'oci', 'dockerfile'], pure: true },
  'builder/sandbox': { may: ['support', 'disk', ...sandbox] },
  'builder/sandbox/step': { may: ['files/tree', 'files/layer'], pure: true },
  'builder/sandbox/seccomp': { may: [], pure: true },
  'builder/sandbox/machine': { may: ['support', 'disk', 'files/tree', 'files/layer', 'builder/sandbox/step'] },
  'builder/sandbox/rootfs': { may: ['support', 'disk', ...layers, 'builder/sandbox/step', 'builder/sandbox/machine'] },
  'builder/sandbox/mounts': {
    may: ['support', 'disk', ...layers, 'builder/sandbox/step', 'builder/sandbox/machine', 'builder/sandbox/rootfs'],
  },
  'builder/sandbox/run': {
    may: ['support', 'disk', ...layers, ...sandbox.filter((room) => room !== 'builder/sandbox/run')],
  },
  'builder/solve': {
    may: [
      'support',
      'oci',
      'dockerfile',
      'files/compression',
      'files/tar',
      'files/tree',
      'files/layer',
      'files/context',
      'content',
      'content/store',
      'content/layers',
      'builder/plan',
      'builder/sandbox',
    ],
  },
  'builder/assemble': { may: ['support', 'oci', 'files/layer', 'builder/plan'], pure: true },
  api: { may: ['support', 'oci'], pure: true },
  verbs: { may: everythingBelowVerbs },
  '': { may: ['support', 'oci', 'api', 'verbs', ...content] },
  cli: { may: ['', 'disk'] },
}

// A pure room reads no disk, network, process or clock: those come in as arguments.
const impureModules = /^node:(?!buffer$|crypto$|util$)|^(?!node:)[a-z@]/
const impureNames = /\b(?:Date\.now|new Date\(\)|Math\.random|performance\.now|process\.)/

const root = resolve(import.meta.dirname, '../src')
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replaceAll('\\', '/'))
const sources = files.filter((file) => !file.endsWith('.test.ts'))

const names = Object.keys(rooms).sort((a, b) => b.length - a.length)

function roomOf(file: string): string {
  const found = names.find((room) => room !== '' && file.startsWith(`${room}/`))
  return found ?? (file.includes('/') ? `(no room: ${file})` : '')
}

function importsOf(file: string): readonly { specifier: string; target: string | undefined }[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/(?:\bfrom\s+|\bimport\s+|\bimport\(\s*|new URL\(\s*)'([^']+)'/g)].map((match) => {
    const specifier = match[1]!
    const target = specifier.startsWith('.')
      ? relative(root, resolve(root, dirname(file), specifier)).replaceAll('\\', '/')
      : undefined
    return { specifier, target }
  })
}

test('every file stands in a room of the table', () => {
  expect(sources.map(roomOf).filter((room) => room.startsWith('(no room'))).toEqual([])
  expect(sources.length).toBeGreaterThan(20)
})

test('a room imports only the rooms that the table allows', () => {
  const wrong = sources.flatMap((file) =>
    importsOf(file)
      .filter(({ target }) => target !== undefined && roomOf(target) !== roomOf(file))
      .filter(({ target }) => !rooms[roomOf(file)]!.may.includes(roomOf(target!)))
      .map(({ target }) => `${file} → ${target}`),
  )
  expect(wrong).toEqual([])
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
    .filter((file) => rooms[roomOf(file)]!.pure === true)
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

test('each room opens with a door that says what it is for', () => {
  for (const room of names.filter((name) => sources.some((file) => roomOf(file) === name))) {
    const door = readFileSync(join(root, room, 'index.ts'), 'utf8')
    expect(door, `${room}/index.ts`).toMatch(/^\/\*\*\n \* \S/)
  }
})
