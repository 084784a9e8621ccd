import { expect, test } from 'vitest'
import { compareTrees, type Difference, type Node, type RegularFile, Tree, type TreeDraft } from './index.ts'

const time = { mtime: 1000, mtimeNs: 0 }
const now = { mtime: 2000, mtimeNs: 5 }

function file(text: string, change: Partial<RegularFile> = {}): RegularFile {
  const bytes = Buffer.from(text)
  return {
    kind: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    ...time,
    size: bytes.length,
    content: { kind: 'inline', bytes },
    ...change,
  }
}

function link(target: string): Node {
  return { kind: 'symlink', mode: 0o777, uid: 0, gid: 0, ...time, target }
}

function edited(tree: Tree, change: (draft: TreeDraft) => void): Tree {
  const draft = tree.edit()
  change(draft)
  return new Tree(draft.done())
}

const directory = { mode: 0o755, uid: 0, gid: 0, ...time }
const base = edited(Tree.empty, (draft) => {
  draft.makeDirectories(['usr', 'share'], directory)
  draft.makeDirectories(['etc'], directory)
  draft.put(['etc', 'motd'], file('hello'))
  draft.put(['lib'], link('usr/lib'))
  draft.put(['sl'], link('/usr/share'))
  draft.put(['up'], link('../../../usr'))
  draft.put(['loop'], link('loop'))
  draft.put(['usr', 'share', 'x'], link('../../etc/./motd'))
})

function told(before: Tree, after: Tree): string[] {
  const same = (a: RegularFile, b: RegularFile) => JSON.stringify(a.content) === JSON.stringify(b.content)
  return compareTrees(before.root, after.root, same).map(
    (difference: Difference) => `${difference.kind} ${difference.path}`,
  )
}

test('a symlink is followed inside the root, whatever its target says', () => {
  expect(base.resolve('/sl/motd')).toBe('usr/share/motd')
  expect(base.resolve('up/share/x')).toBe('etc/motd')
  expect(base.resolve('lib/not/there')).toBe('usr/lib/not/there')
  expect(base.resolve('../../etc')).toBe('etc')
  expect(base.find('sl/x')?.kind).toBe('file')
  expect(() => base.resolve('loop/x')).toThrow(/too many levels/)
})

test('a draft leaves the tree that it came from as it was, and shares what it does not touch', () => {
  const next = edited(base, (draft) => draft.put(['etc', 'hosts'], file('h'), now))
  expect(base.get('etc/hosts')).toBeUndefined()
  expect(next.get('etc')?.mtime).toBe(2000)
  expect(next.get('usr')).toBe(base.get('usr'))
})

test('a directory is told only on the way to something that changed, and its time alone is not told', () => {
  expect(told(base, base)).toEqual([])
  expect(
    told(
      base,
      edited(base, (draft) => draft.put(['etc', 'motd'], file('hello'), now)),
    ),
  ).toEqual(['touch etc'])
  expect(
    told(
      base,
      edited(base, (draft) => draft.put(['etc', 'motd'], file('HELLO'), now)),
    ),
  ).toEqual(['put etc', 'put etc/motd'])
  expect(
    told(
      base,
      edited(base, (draft) => draft.change(['usr', 'share'], { mode: 0o700 })),
    ),
  ).toEqual(['put usr', 'put usr/share'])
})

test('equal size and time are not trusted: content decides', () => {
  const before = edited(base, (draft) => draft.put(['f'], file('aaaa', { mtimeNs: 7 })))
  expect(
    told(
      before,
      edited(before, (draft) => draft.put(['f'], file('aaaa', { mtimeNs: 7 }))),
    ),
  ).toEqual([])
  expect(
    told(
      before,
      edited(before, (draft) => draft.put(['f'], file('bbbb', { mtimeNs: 7 }))),
    ),
  ).toEqual(['put f'])
  expect(
    told(
      before,
      edited(before, (draft) => draft.put(['f'], file('aaaa', { mtimeNs: 8 }))),
    ),
  ).toEqual(['put f'])
})

test('names are ordered by their bytes, and what is below a directory comes before its next sibling', () => {
  const after = edited(Tree.empty, (draft) => {
    draft.makeDirectories(['a'], directory)
    for (const name of ['a-b', 'ü', '\u{1f600}', '\uffee', 'B']) draft.put([name], file(name))
    draft.put(['a', 'z'], file('z'))
  })
  expect(told(Tree.empty, after)).toEqual([
    'put B',
    'put a',
    'put a/z',
    'put a-b',
    'put ü',
    'put \uffee',
    'put \u{1f600}',
  ])
})

test('what is gone is removed, and a directory in place of a file is put', () => {
  const after = edited(base, (draft) => {
    draft.remove(['etc', 'motd'], now)
    draft.makeDirectory(['lib'], directory, now)
  })
  expect(told(base, after)).toEqual(['put etc', 'remove etc/motd', 'put lib'])
})

test('a file in the way of a directory is refused', () => {
  expect(() => edited(base, (draft) => draft.makeDirectories(['etc', 'motd', 'x'], directory))).toThrow(
    '"/etc/motd" is not a directory but a file',
  )
})
