import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { onDisk } from '../../../test/kit/on-disk.ts'
import { runs } from '../../../test/kit/scale.ts'
import { fileNode, linkNode, manyBytes, treeOf } from '../../../test/kit/trees.ts'
import { sha256 } from '../../support/index.ts'
import { compareTrees, type Node, Tree } from '../tree/index.ts'
import { packLayer, type StoredLayer, sameContent } from './index.ts'

onDisk()

async function pack(folder: string, before: Tree, after: Tree, previous?: StoredLayer, latest?: number) {
  const path = join(folder, `layer-${Math.random()}`)
  const differences = compareTrees(before.root, after.root, sameContent)
  const { index } = await packLayer(differences, { path, digests: () => true, previous, latest })
  return { index, path }
}

const names = ['a', 'b', 'c', '.wh', 'ä', 'n'.repeat(101)]
const path = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const facts = fc.record({
  mode: fc.constantFrom(0o644, 0o755, 0o4711),
  uid: fc.constantFrom(0, 1000),
  gid: fc.constantFrom(0, 3_000_000),
  mtime: fc.constantFrom(0, 1_700_000_000, 1_800_000_000, 2 ** 34),
  mtimeNs: fc.constantFrom(0, 500),
})
const leaf: fc.Arbitrary<Node> = fc.oneof(
  fc.tuple(fc.constantFrom('', 'x', 'y', 'z'.repeat(700)), facts).map(([text, more]) => known(fileNode(text, more))),
  fc.tuple(fc.constantFrom('x', 'y'), facts).map(([text, more]) => fileNode(text, more)),
  fc.tuple(fc.constantFrom('a', '../b', 'l'.repeat(150)), facts).map(([target, more]) => linkNode(target, more)),
  facts.map((more) => ({ kind: 'fifo', ...more }) as const),
  facts.map((more) => ({ kind: 'block', ...more, major: 8, minor: 1 }) as const),
  facts.map((more) => fileNode('able', { ...more, xattrs: new Map([['security.capability', Buffer.from('cap')]]) })),
)
type Edit =
  | { readonly put: string; readonly node: Node }
  | { readonly folder: string; readonly facts: object }
  | { readonly remove: string }
  | { readonly link: string; readonly to: string }
const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ put: path, node: leaf }) },
  { weight: 2, arbitrary: fc.record({ folder: path, facts }) },
  { weight: 1, arbitrary: fc.record({ remove: path }) },
  { weight: 2, arbitrary: fc.record({ link: path, to: path }) },
)

function known(node: Node & { kind: 'file' }): Node {
  if (node.content.kind === 'inline') node.content.digest = sha256(node.content.bytes)
  return node
}

/** The tree with the edits that can be made of it. */
function edited(tree: Tree, edits: readonly Edit[]): Tree {
  return edits.reduce((now, one) => {
    try {
      const target = 'link' in one ? now.get(one.to) : undefined
      if ('put' in one) return treeOf({ [one.put]: one.node }, now)
      if ('folder' in one) return treeOf({ [`${one.folder}/`]: one.facts }, now)
      if ('link' in one)
        return target === undefined || target.kind === 'directory' ? now : treeOf({ [one.link]: target }, now)
      const draft = now.edit()
      draft.remove(one.remove.split('/'))
      return new Tree(draft.done())
    } catch {
      return now
    }
  }, tree)
}

test('a layer made with the help of an earlier one is the layer made without, byte for byte, and so is its index', async () => {
  const folder = temporaryFolder()
  await fc.assert(
    fc.asyncProperty(
      fc.array(edit, { maxLength: 8 }),
      fc.array(edit, { minLength: 1, maxLength: 25 }),
      fc.array(edit, { maxLength: 4 }),
      fc.constantFrom(undefined, 1_750_000_000),
      async (base, first, later, latest) => {
        const scratch = join(folder, String(Math.random()))
        mkdirSync(scratch)
        const before = edited(Tree.empty, base)
        const one = edited(before, first)
        const two = edited(one, later)
        const previous = await pack(scratch, before, one, undefined, latest)
        const helped = await pack(scratch, before, two, previous, latest)
        const fresh = await pack(scratch, before, two, undefined, latest)
        expect(helped.index.diffId).toBe(fresh.index.diffId)
        expect(readFileSync(helped.path).equals(readFileSync(fresh.path))).toBe(true)
        expect(helped.index).toEqual(fresh.index)
        rmSync(scratch, { recursive: true })
      },
    ),
    { numRuns: runs(400) },
  )
})

test('what is the same is taken from the earlier layer, and its file is not read', async () => {
  const folder = temporaryFolder()
  const bytes = manyBytes(5 << 20)
  const big = fileNode(bytes)
  const digest = learnDigestOf(big, bytes)
  const one = treeOf({ a: 'short', big, z: 'end' })
  const previous = await pack(folder, Tree.empty, one)
  const gone: Node = { ...big, content: { kind: 'extent', path: '/not/there/any/more', offset: 0, digest } }
  const two = treeOf({ a: 'longer than it was, by some blocks'.repeat(100), big: gone, z: 'end' })
  const { index, path: made } = await pack(folder, Tree.empty, two, previous)
  const { at } = index.entries[1]!.runs[0]!
  expect(
    readFileSync(made)
      .subarray(at, at + bytes.length)
      .equals(bytes),
  ).toBe(true)
  expect(index.entries[1]!.digest).toBe(digest)
  expect(index.diffId).toBe(sha256(readFileSync(made)))
})

test('an earlier layer that has lost its end is an answer', async () => {
  const folder = temporaryFolder()
  const one = treeOf({ a: known(fileNode('x'.repeat(9000))) })
  const previous = await pack(folder, Tree.empty, one)
  const cut = { ...previous, path: join(folder, 'cut') }
  writeFileSync(cut.path, readFileSync(previous.path).subarray(0, 5000))
  await expect(pack(folder, Tree.empty, one, cut)).rejects.toMatchObject({ code: 'CONTENT_CHANGED' })
})

function learnDigestOf({ content }: Node & { kind: 'file' }, bytes: Buffer) {
  const digest = sha256(bytes)
  content.digest = digest
  return digest
}
