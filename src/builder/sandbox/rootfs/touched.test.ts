import { expect, test } from 'vitest'
import { onDisk } from '../../../../test/kit/on-disk.ts'
import { deepestPath } from '../../../support/index.ts'
import { oddities } from './touched.ts'
import type { WalkedFile } from './walk.ts'

onDisk()

const plain = { mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, size: 0, changed: 0 }

test('names that share a file, and sockets, are found however deep they are', () => {
  const shared: WalkedFile = { ...plain, name: 'file', kind: 'file', inode: '1:2' }
  const alone: WalkedFile = { ...plain, name: 'alone', kind: 'file' }
  let directory: WalkedFile = { ...plain, name: 'd', kind: 'directory', children: [shared, alone], sockets: ['socket'] }
  // Some stacks are smaller: a worker's, or that of functions not compiled yet.
  const depth = 5 * deepestPath
  for (let i = 1; i < depth; i++) directory = { ...plain, name: 'd', kind: 'directory', children: [directory] }
  const root: WalkedFile = { ...plain, name: '', kind: 'directory', children: [directory, shared] }
  const deep = 'd/'.repeat(depth)
  expect(new Set(oddities(root, (name) => name))).toEqual(new Set(['file', `${deep}file`, `${deep}socket`]))
})
