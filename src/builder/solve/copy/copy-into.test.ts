import { expect, test } from 'vitest'
import { type Directory, type Node, Tree } from '../../../files/tree/index.ts'
import { Copier } from './copy-into.ts'
import { pickSources } from './pick-sources.ts'

const now = { mtime: 900, mtimeNs: 0 }
const plain = { mode: 0o644, uid: 0, gid: 0, mtime: 100, mtimeNs: 0 }
const file: Node = { kind: 'file', ...plain, size: 1, content: { kind: 'inline', bytes: Buffer.from('x') } }
const fifo: Node = { kind: 'fifo', ...plain }
const link = (target: string): Node => ({ kind: 'symlink', ...plain, mode: 0o777, target })

function treeOf(nodes: Readonly<Record<string, Node>>): Tree {
  const draft = Tree.empty.edit()
  for (const [path, node] of Object.entries(nodes)) {
    const parts = path.split('/')
    draft.makeDirectories(parts.slice(0, -1), { ...plain, mode: 0o755 })
    draft.put(parts, node)
  }
  return new Tree(draft.done())
}

function copied(from: Tree, source: string, to: string): Tree {
  const draft = Tree.empty.edit()
  for (const pick of pickSources(from, source)!)
    for (const _ of new Copier(draft, { now }).copy({ ...pick, untimed: pick.path === '' }, to));
  return new Tree(draft.done())
}

test('two names of one file stay one file in the copy, and those of a pipe become two', () => {
  const tree = copied(treeOf({ 'd/a': file, 'd/b': file, 'd/p': fifo, 'd/q': fifo }), 'd', '/to')
  expect(tree.get('to/a')).toBe(tree.get('to/b'))
  expect(tree.get('to/p')).toEqual(tree.get('to/q'))
  expect(tree.get('to/p')).not.toBe(tree.get('to/q'))
})

test('a directory takes the time of its source, and the copy of a root that of the copy', () => {
  const tree = treeOf({ 'd/a': file })
  expect((copied(tree, 'd', '/to').get('to') as Directory).mtime).toBe(100)
  expect((copied(tree, '/', '/to').get('to') as Directory).mtime).toBe(900)
})

test('a link that a pattern matches has to lead somewhere, and one in a copied directory need not', () => {
  const tree = treeOf({ 'd/a': file, 'd/gone': link('nowhere'), 'd/good': link('a') })
  expect(copied(tree, 'd/goo*', '/to/').get('to/good')).toMatchObject({ kind: 'file' })
  expect(copied(tree, 'd', '/to').get('to/gone')).toMatchObject({ kind: 'symlink', target: 'nowhere' })
  expect(() => pickSources(tree, 'd/g*')).toThrow(expect.objectContaining({ code: 'COPY_SOURCE_DANGLING' }))
})

test('directories that are made below one with the setgid bit take the bit and the group', () => {
  const draft = Tree.empty.edit()
  draft.makeDirectories(['g'], { ...plain, mode: 0o2775, gid: 50 })
  const [pick] = pickSources(treeOf({ a: file }), 'a')!
  for (const _ of new Copier(draft, { now }).copy(pick!, '/g/new/deep/a'));
  for (const _ of new Copier(draft, { now, owner: { uid: 5, gid: 6 } }).copy(pick!, '/g/owned/a'));
  const tree = new Tree(draft.done())
  expect(tree.get('g/new/deep')).toMatchObject({ mode: 0o2755, uid: 0, gid: 50 })
  expect(tree.get('g/new/deep/a')).toMatchObject({ mode: 0o644, gid: 0 })
  expect(tree.get('g/owned')).toMatchObject({ mode: 0o2755, uid: 5, gid: 6 })
})
