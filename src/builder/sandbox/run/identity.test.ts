import { expect, test } from 'vitest'
import { Tree } from '../../../files/tree/index.ts'
import { resolveIdentity } from './identity.ts'

const tree = treeOf({
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:2:2::/sbin:/bin/false\napp:x:4242:4242::/home/app:/bin/sh\n',
  'etc/group': 'root:x:0:root\nbin:x:1:root,daemon\nwheel:x:10:root,app\napp:x:4242:\n',
})

test.each([
  ['', { uid: 0, gid: 0, groups: [0, 1, 10], home: '/root' }],
  ['0', { uid: 0, gid: 0, groups: [0, 1, 10], home: '/root' }],
  ['app', { uid: 4242, gid: 4242, groups: [4242, 10], home: '/home/app' }],
  ['4242', { uid: 4242, gid: 4242, groups: [4242, 10], home: '/home/app' }],
  ['4242:10', { uid: 4242, gid: 10, groups: [10], home: '/home/app' }],
  ['app:bin', { uid: 4242, gid: 1, groups: [1], home: '/home/app' }],
  ['app:77', { uid: 4242, gid: 77, groups: [77], home: '/home/app' }],
  ['9999', { uid: 9999, gid: 0, groups: [0], home: '/' }],
  ['9999:8888', { uid: 9999, gid: 8888, groups: [8888], home: '/' }],
])('USER %j runs as %o', (text, identity) => {
  expect(resolveIdentity(text, tree)).toEqual(identity)
})

test('a name has to be in the filesystem’s own database', () => {
  expect(() => resolveIdentity('nobody', tree)).toThrow(
    'unable to find user nobody: no matching entries in passwd file',
  )
  expect(() => resolveIdentity('app:staff', tree)).toThrow(
    'unable to find group staff: no matching entries in group file',
  )
})

test('a filesystem without a database has numbers, and root', () => {
  expect(resolveIdentity('', Tree.empty)).toEqual({ uid: 0, gid: 0, groups: [0], home: '/' })
  expect(resolveIdentity('5', Tree.empty)).toEqual({ uid: 5, gid: 0, groups: [0], home: '/' })
  expect(() => resolveIdentity('root', Tree.empty)).toThrow('unable to find user root')
})

function treeOf(files: Record<string, string>): Tree {
  const draft = Tree.empty.edit()
  const plain = { uid: 0, gid: 0, mtime: 0, mtimeNs: 0 }
  for (const [path, text] of Object.entries(files)) {
    const parts = path.split('/')
    const bytes = Buffer.from(text)
    draft.makeDirectories(parts.slice(0, -1), { mode: 0o755, ...plain })
    draft.put(parts, { kind: 'file', mode: 0o644, ...plain, size: bytes.length, content: { kind: 'inline', bytes } })
  }
  return new Tree(draft.done())
}
