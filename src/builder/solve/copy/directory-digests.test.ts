import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from '../../../../test/kit/cli.ts'
import { ContextMemory, openDirectory } from '../../../files/context/index.ts'
import { digestNode, digestSelections, digestWithTimes } from './listing.ts'
import { pickSources } from './pick-sources.ts'

/** A folder with a bit of everything. */
function makeFolder(): string {
  const folder = writeFiles(join(temporaryFolder(), 'context'), {
    'src/a.txt': 'one',
    'src/empty': '',
    'src/lib/b.txt': 'two',
    'src/lib/deep/c.txt': 'three',
    'lone.txt': 'four',
  })
  symlinkSync('a.txt', join(folder, 'src/link'))
  mkdirSync(join(folder, 'src/nothing'))
  settle()
  return folder
}

/** Files made just now would not be trusted. */
function settle(): void {
  const end = Date.now() + 60
  while (Date.now() < end);
}

interface Shelf {
  bytes?: Buffer
}

/** What a build that copies these sources computes. */
function digestOf(folder: string, sources: readonly string[], shelf: Shelf = {}): string {
  const context = openDirectory(folder, {
    name: '.',
    memory: new ContextMemory(() => shelf.bytes),
    keepMemory: (bytes) => {
      shelf.bytes = bytes
    },
  })
  const selections = sources.flatMap((source, i) =>
    pickSources(context.tree, source)!.map((pick) => ({ ...pick, path: `${i}:${pick.name}` })),
  )
  const work = digestSelections(selections)
  for (;;) {
    const { done, value } = work.next()
    if (done === true) {
      context.close()
      return value
    }
  }
}

const selections = [
  ['src'],
  ['src', 'lone.txt'],
  ['src/a.txt', 'src'],
  ['src', 'src/link'],
  ['src/lib', 'src'],
  ['*', 'src/*'],
]

test.each(selections)('%s %s: a folder that is remembered has the digest of one that is read', (...sources) => {
  const folder = makeFolder()
  const shelf: Shelf = {}
  const first = digestOf(folder, sources, shelf)
  expect(digestOf(folder, sources, shelf)).toBe(first)
  expect(digestOf(folder, sources)).toBe(first)
  // Whatever else has been remembered meanwhile.
  for (const others of selections) digestOf(folder, others, shelf)
  expect(digestOf(folder, sources, shelf)).toBe(first)
})

const changes: Readonly<Record<string, (folder: string) => void>> = {
  'a file is written': (folder) => writeFileSync(join(folder, 'src/lib/b.txt'), 'TWO'),
  'a file is added': (folder) => writeFileSync(join(folder, 'src/lib/new'), ''),
  'a file is gone': (folder) => rmSync(join(folder, 'src/lib/deep/c.txt')),
  'a file is renamed': (folder) => renameSync(join(folder, 'src/a.txt'), join(folder, 'src/A.txt')),
  'a file has another mode': (folder) => chmodSync(join(folder, 'src/a.txt'), 0o755),
  'a directory has another mode': (folder) => chmodSync(join(folder, 'src/nothing'), 0o700),
  'a directory is added': (folder) => mkdirSync(join(folder, 'src/lib/new')),
  'a directory is gone': (folder) => rmSync(join(folder, 'src/nothing'), { recursive: true }),
  'a link leads elsewhere': (folder) => {
    rmSync(join(folder, 'src/link'))
    symlinkSync('b.txt', join(folder, 'src/link'))
  },
  'a link is a file': (folder) => {
    rmSync(join(folder, 'src/link'))
    copyFileSync(join(folder, 'src/a.txt'), join(folder, 'src/link'))
  },
  'a file has a second name': (folder) => linkSync(join(folder, 'src/a.txt'), join(folder, 'src/lib/twin')),
  'the last file of a directory is gone': (folder) => rmSync(join(folder, 'src/lib/b.txt')),
}

test.each(Object.entries(changes))('%s: the digest is another, and that of a fresh look', (_, change) => {
  const folder = makeFolder()
  const shelf: Shelf = {}
  const first = digestOf(folder, ['src'], shelf)
  change(folder)
  const second = digestOf(folder, ['src'], shelf)
  expect(second).not.toBe(first)
  expect(second).toBe(digestOf(folder, ['src']))
  settle()
  for (const again of [digestOf(folder, ['src'], shelf), digestOf(folder, ['src'], shelf)]) expect(again).toBe(second)
})

test('two names of one file are told from two files alike, wherever they are', () => {
  const digests = [
    (folder: string) => linkSync(join(folder, 'src/a.txt'), join(folder, 'src/lib/twin')),
    (folder: string) => copyFileSync(join(folder, 'src/a.txt'), join(folder, 'src/lib/twin')),
  ].map((add) => {
    const folder = makeFolder()
    add(folder)
    settle()
    const shelf: Shelf = {}
    const first = digestOf(folder, ['src'], shelf)
    expect(digestOf(folder, ['src'], shelf)).toBe(first)
    return first
  })
  expect(digests[0]).not.toBe(digests[1])
})

test('a file selected through a link is told from another one that is alike', () => {
  const folder = makeFolder()
  symlinkSync('src/a.txt', join(folder, 'through'))
  copyFileSync(join(folder, 'src/a.txt'), join(folder, 'alike'))
  settle()
  const shelf: Shelf = {}
  for (let i = 0; i < 2; i++) {
    const [linked, alike] = ['through', 'alike'].map((name) => {
      renameSync(join(folder, name), join(folder, 'chosen'))
      const digest = digestOf(folder, ['src', 'chosen'], shelf)
      renameSync(join(folder, 'chosen'), join(folder, name))
      return digest
    })
    expect(linked).not.toBe(alike)
  }
})

test('where something lies counts, and what it is called', () => {
  const [a, b] = [
    { 'd/x': '1', 'd/e/y': '2' },
    { 'd/e/x': '1', 'd/y': '2' },
  ].map((files) => {
    const folder = writeFiles(join(temporaryFolder(), 'context'), files)
    return digestNode(openDirectory(folder, { name: '.' }).tree.root)
  })
  expect(a).not.toBe(b)
})

test('nodes made of what is remembered are those that a fresh look makes', () => {
  const folder = makeFolder()
  writeFileSync(join(folder, 'src/run'), '#!/bin/sh', { mode: 0o755 })
  settle()
  const shelf: Shelf = {}
  digestOf(folder, ['src'], shelf)
  const open = (memory: Shelf) => openDirectory(folder, { name: '.', memory: new ContextMemory(() => memory.bytes) })
  const all = ({ tree }: ReturnType<typeof open>) =>
    [...tree.walk()].map(([path, node]) => [path, node.kind, node.mode, node.mtime, node.mtimeNs, facts(node)])
  const remembered = open(shelf)
  const { outline } = remembered.tree.get('src') as { outline?: { hasNodes: boolean; listing?: string } }
  expect(outline).toMatchObject({ hasNodes: false, listing: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect(all(remembered)).toEqual(all(open({})))
})

function facts(node: object): unknown {
  const { size, target, content } = node as { size?: number; target?: string; content?: { kind: string } }
  return { size, target, kind: content?.kind }
}

test('a digest with times is the same whether files are remembered or not, and another where any time is', () => {
  const folder = makeFolder()
  const shelf: Shelf = {}
  const digest = (from: Shelf) => {
    const keepMemory = (bytes: Buffer) => {
      from.bytes = bytes
    }
    const context = openDirectory(folder, { name: '.', memory: new ContextMemory(() => from.bytes), keepMemory })
    const found = digestWithTimes(context.tree.get('src')!)
    context.close()
    return found
  }
  const first = digest(shelf)
  expect(shelf.bytes).toBeDefined()
  expect([digest(shelf), digest({}), digest(shelf)]).toEqual([first, first, first])
  const seen = new Set([first])
  for (const name of ['src', 'src/a.txt', 'src/empty', 'src/lib', 'src/lib/deep/c.txt', 'src/nothing']) {
    for (const time of [5, 5.25]) {
      utimesSync(join(folder, name), time, time)
      settle()
      const now = digest(shelf)
      expect([name, digest({}), digest(shelf)]).toEqual([name, now, now])
      seen.add(now)
    }
  }
  expect(seen.size).toBe(13)
})
