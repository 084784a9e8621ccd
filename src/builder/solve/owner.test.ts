import { expect, test } from 'vitest'
import { type Snapshot, scratch } from '../../content/layers/snapshot.ts'
import { Tree } from '../../files/tree/index.ts'
import { resolveOwner } from './owner.ts'

const passwd = 'root:x:0:0:root:/root:/bin/sh\nmail:x:8:12:mail:/var/mail:/sbin/nologin\n\nbad line\n1234:x:77:78::/:\n'
const group = 'root:x:0:\nwww:x:33:a,b\n99:x:55:\n'

function filled(files: Readonly<Record<string, string>>): Snapshot {
  const draft = Tree.empty.edit()
  const plain = { uid: 0, gid: 0, mtime: 0, mtimeNs: 0 }
  draft.makeDirectories(['etc'], { mode: 0o755, ...plain })
  for (const [name, text] of Object.entries(files)) {
    const bytes = Buffer.from(text)
    draft.put(['etc', name], {
      kind: 'file',
      mode: 0o644,
      ...plain,
      size: bytes.length,
      content: { kind: 'inline', bytes },
    })
  }
  const tree = new Tree(draft.done())
  return { id: 'filled', layers: [], scratch: false, tree: () => tree }
}

test.each([
  ['1', 1, 1],
  ['1:2', 1, 2],
  ['mail', 8, 12],
  ['mail:www', 8, 33],
  ['mail:5', 8, 5],
  ['5:www', 5, 33],
  ['missing', 0, 0],
  ['missing:7', 0, 7],
  ['1:missing', 1, 1],
  ['mail:missing', 8, 12],
  ['mail:root', 8, 0],
  ['mail:', 8, 0],
  [':5', 0, 5],
  ['1:2:3', 1, 1],
  ['1234', 1234, 1234],
  ['1:99', 1, 99],
  ['2147483647', 2147483647, 2147483647],
  ['2147483648', 0, 0],
  ['-1', 0, 0],
])('the owner %s is %d:%d', (text, uid, gid) => {
  expect(resolveOwner(text, filled({ passwd, group }))).toEqual({ uid, gid })
})

test('without the files, a name is nobody that is known', () => {
  expect(resolveOwner('mail:www', filled({}))).toEqual({ uid: 0, gid: 0 })
})

test('an empty stage knows numbers and root, and no other name', () => {
  expect(resolveOwner('root:root', scratch)).toEqual({ uid: 0, gid: 0 })
  expect(resolveOwner('3:4', scratch)).toEqual({ uid: 3, gid: 4 })
  for (const text of ['mail', '0:mail'])
    expect(() => resolveOwner(text, scratch)).toThrow(expect.objectContaining({ code: 'OWNER_UNKNOWN' }))
})
