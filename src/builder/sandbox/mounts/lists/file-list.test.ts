import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../../../../test/kit/scale.ts'
import { linkNode, type TreeSpec, treeOf } from '../../../../../test/kit/trees.ts'
import { digestOf, sameContent } from '../../../../files/layer/index.ts'
import {
  compareTrees,
  type Directory,
  type RegularFile,
  subdirectories,
  type Tree,
} from '../../../../files/tree/index.ts'
import { sha256, sortNames } from '../../../../support/index.ts'
import { compareLists } from './compare-lists.ts'
import { listFiles } from './file-list.ts'
import { addBlocks, readList } from './list-format.ts'

const listed = (tree: Tree) => readList(listFiles(tree.root))!

function changesBetween(before: Tree, after: Tree, most = 1000) {
  return compareLists(listed(before), listed(after), most)
}

const spec = fc.oneof(
  fc.record({
    text: fc.constantFrom('', 'x', 'y', 'long'),
    mode: fc.constantFrom(0o644, 0o755),
    uid: fc.constantFrom(0, 5),
    mtime: fc.constantFrom(-1, 0, 1_700_000_000),
    mtimeNs: fc.constantFrom(0, 1),
  }),
  fc.constantFrom('a', 'b c').map((target): TreeSpec => linkNode(target)),
  fc.constant('fifo').map((): TreeSpec => ({ kind: 'fifo', mode: 0o600, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 })),
)
// In order of their bytes, a.b comes before what is in a.
const names = ['a', 'a.b', 'a/a', 'a/b/c', 'a/\udcff', 'b', 'b/\ue000', 'b/\u{1f600}', 'two\nlines', 'd/', 'd/e/']
const tree = fc.array(fc.tuple(fc.constantFrom(...names), spec), { maxLength: 10 }).map((all) =>
  all.reduce((sum, [path, what]) => {
    try {
      return treeOf({ [path]: path.endsWith('/') ? { mtime: 3 } : what }, sum)
    } catch {
      // It would lead through a file.
      return sum
    }
  }, treeOf({})),
)

test('lists differ where the trees do, and nowhere else', () => {
  fc.assert(
    fc.property(tree, tree, (before, after) => {
      const { metadata, touched } = changesBetween(before, after)!
      const differences = compareTrees(before.root, after.root, sameContent)
      // A directory with changes in it is told among these, whether or not it has changed itself.
      const changed = differences.filter(({ kind, path }) => {
        const [old, node] = [before.get(path), after.get(path)]
        if (kind === 'remove' || old?.kind !== 'directory' || node?.kind !== 'directory') return true
        return (
          old.mode !== node.mode || old.uid !== node.uid || old.mtime !== node.mtime || old.mtimeNs !== node.mtimeNs
        )
      })
      const isBelow = (path: string) =>
        touched.some((above) => path.startsWith(`${above.replace(/\/$/, '')}/`) && !isIn(above))
      const isIn = (above: string) => above.endsWith('/') && before.get(above.slice(0, -1))?.kind === 'directory'
      const told = new Set([...metadata, ...touched].map((path) => path.replace(/\/$/, '')))
      for (const { path } of changed) expect(told.has(path) || isBelow(path)).toBe(true)
      for (const path of told) expect(changed.map(({ path }) => path)).toContain(path)
    }),
    { numRuns: runs(500) },
  )
})

/** The same, with what a context on disk knows of its folders. */
function outlined(directory: Directory): Directory {
  const children = new Map(
    [...directory.children].map(([name, node]) => [name, node.kind === 'directory' ? outlined(node) : node]),
  )
  const files = sortNames([...children.keys()]).flatMap((name) => {
    const node = children.get(name)!
    return node.kind === 'directory' ? [] : [[name, node] as const]
  })
  const listing = sha256(
    JSON.stringify(
      files.map(([name, { kind, mode, uid, ...rest }]) => [
        ...[name, kind, mode, uid],
        ...('content' in rest ? [digestOf(rest as RegularFile)] : []),
        ...('target' in rest ? [rest.target] : []),
      ]),
    ),
  )
  const times = sha256(JSON.stringify(files.map(([name, { mtime, mtimeNs }]) => [name, mtime, mtimeNs])))
  const outline = { directories: subdirectories({ ...directory, children }), hasNodes: true, listing, times }
  return { ...directory, children, outline }
}

test('files of directories that are as they were are neither described nor compared, and the lists are the same', () => {
  fc.assert(
    fc.property(tree, tree, tree, (before, other, after) => {
      const blocks = new Map()
      for (const one of [before, other]) addBlocks(readList(listFiles(outlined(one.root)))!, blocks)
      const list = listFiles(outlined(after.root), blocks)
      expect(list).toEqual(listFiles(outlined(after.root)))
      const changes = compareLists(readList(listFiles(outlined(before.root)))!, readList(list)!, 1000)
      expect(changes).toEqual(changesBetween(before, after))
    }),
    { numRuns: runs(300) },
  )
  const blocks = new Map()
  const files = treeOf({ 'd/a': 'x', 'd/b': 'y' })
  addBlocks(readList(listFiles(outlined(files.root)))!, blocks)
  const whole = outlined(files.root)
  const { outline, ...d } = whole.children.get('d') as Directory
  const unread: Directory = {
    ...d,
    outline: outline!,
    get children(): never {
      throw new Error('its files are looked at')
    },
  }
  const root = {
    ...whole,
    children: new Map([['d', unread]]),
    outline: { ...whole.outline!, directories: new Map([['d', unread]]) },
  }
  expect(listFiles(root, blocks)).toEqual(listFiles(whole))
  expect(() => listFiles(root)).toThrow('looked at')
})

test('equal trees have equal lists, without a difference', () => {
  fc.assert(
    fc.property(tree, (one) => {
      expect(listFiles(one.root)).toEqual(listFiles(treeOf({}, one).root))
      expect(changesBetween(one, one, 0)).toEqual({ metadata: [], touched: [] })
    }),
    { numRuns: runs(100) },
  )
})

test('a file counts as changed in its metadata alone only if that can be set exactly', () => {
  const of = (facts: object) => treeOf({ 'd/file': { text: 'x', mtime: 5, ...facts } })
  const changes = (facts: object) => changesBetween(of({ mtimeNs: 7 }), of(facts))
  expect(changes({ mtime: 6, mode: 0o600 })).toEqual({ metadata: ['d/file'], touched: [] })
  expect(changes({ mtimeNs: 8 })).toEqual({ metadata: [], touched: ['d/file'] })
  expect(changes({ uid: 1 })).toEqual({ metadata: [], touched: ['d/file'] })
  expect(changes({ text: 'y' })).toEqual({ metadata: [], touched: ['d/file'] })
})

test('more differences than allowed are not told, and several names of a file are', () => {
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, `${i}`]))
  expect(changesBetween(treeOf({}), treeOf(many), 19)).toBeUndefined()
  expect(changesBetween(treeOf({}), treeOf(many), 20)?.touched).toHaveLength(20)
  expect(listed(treeOf({ a: 'x', b: { same: 'a' } }))).toMatchObject({ count: 2, hasLinks: true })
  expect(listed(treeOf(many))).toMatchObject({ count: 20, hasLinks: false })
})

test('a damaged list is an error, or another list, and never leads out of the folder', () => {
  const whole = listFiles(treeOf({ 'a/b/c': 'x', 'a/d': 'y', e: 'z' }).root)
  const other = listed(treeOf({ 'a/x': 'x', e: 'z' }))
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.boolean(), (at, byte, cut) => {
      const bytes = cut ? whole.subarray(0, at) : Buffer.from(whole)
      if (!cut) bytes[at] = byte
      const list = readList(bytes)
      if (list === undefined) return
      for (const [one, two] of [
        [list, other],
        [other, list],
      ] as const)
        try {
          const found = compareLists(one, two, 1000)
          for (const path of [...(found?.touched ?? []), ...(found?.metadata ?? [])])
            expect(path.split('/')).not.toContain('..')
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
    }),
    { numRuns: runs(2000) },
  )
})

test('a list with a name that leads elsewhere is refused', () => {
  for (const name of ['..', '.', 'x/y']) {
    const bytes = Buffer.from(listFiles(treeOf({ ['n'.repeat(name.length)]: 'x' }).root))
    bytes.write(name, bytes.indexOf('n'.repeat(name.length), bytes.indexOf(10)))
    expect(() => compareLists(readList(bytes)!, listed(treeOf({})), 9)).toThrow('damaged')
  }
})
