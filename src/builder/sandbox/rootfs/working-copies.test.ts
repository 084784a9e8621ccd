import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isRoot, temporaryFolder } from '../../../../test/kit/cli.ts'
import { unlessMissing } from '../../../../test/kit/needs.ts'
import { onDisk } from '../../../../test/kit/on-disk.ts'
import { filesWith } from '../../../../test/kit/sandboxes.ts'
import { fileNode, linkNode, treeOf } from '../../../../test/kit/trees.ts'
import { mergeLayers, packLayer, sameContent } from '../../../files/layer/index.ts'
import { compareTrees, type Node, Tree } from '../../../files/tree/index.ts'
import { decodeName, sha256 } from '../../../support/index.ts'
import { thisMachine } from '../machine/index.ts'
import type { Stack } from '../step/index.ts'
import { PlainRoot } from './plain-root.ts'
import { type WalkedFile, walk } from './walk.ts'

onDisk()

// What a step finds in a folder that others have worked in is compared with the same unpacked in an empty one.

const base = treeOf({
  'bin/tool': 'a tool',
  'bin/twin': { same: 'bin/tool' },
  'etc/conf': { text: 'x = 1\n', mode: 0o640, uid: 5, gid: 6 },
  'etc/deep/er/file': 'deep',
  'etc/link': linkNode('conf'),
  'srv/data/': { mode: 0o2755, uid: 7, gid: 8, mtime: 1_600_000_000 },
  'srv/data/one': '1',
  'tmp/': { mode: 0o1777 },
  witness: 'nobody changes it',
})
let steps = 0

function openLab() {
  const folder = temporaryFolder()
  const machine = thisMachine()
  const trees = join(folder, 'trees')
  const root = (from = trees) => {
    const step = join(folder, `step-${steps++}`)
    mkdirSync(step)
    return new PlainRoot({ path: join(step, 'root'), folder: step, trees: from, machine })
  }
  /** Layers that lead from each tree to the next. */
  const stackOf = async (...trees: readonly Tree[]): Promise<Stack> => {
    const layers: Stack['layers'][number][] = []
    let chain = ''
    for (const [i, tree] of trees.entries()) {
      const path = join(folder, `layer-${steps++}`)
      const differences = compareTrees((trees[i - 1] ?? Tree.empty).root, tree.root, sameContent)
      const { index } = await packLayer(differences, { path, digests: () => false })
      chain = sha256(`${chain} ${index.diffId}`)
      layers.push({ index, path, chain })
    }
    const merged = mergeLayers(layers)
    return { layers, tree: () => merged }
  }
  /** Lets a step do something with the filesystem, and leaves it. */
  const step = async (stack: Stack, work: (path: string) => void | Promise<void>) => {
    const filesystem = root()
    await filesystem.unpack(stack)
    await work(filesystem.path)
    await filesystem.leave()
  }
  /** What a step finds, beside what it would in an empty folder; and whether it goes on with another's. */
  const check = async (stack: Stack) => {
    const [here, fresh] = [root(), root(join(folder, 'none'))]
    await here.unpack(stack)
    await fresh.unpack(stack)
    expect(linesOf(here.path)).toEqual(linesOf(fresh.path))
    const after = await here.after()
    expect(compareTrees(stack.tree().root, after.root, sameContent)).toEqual([])
    const { ino } = lstatSync(join(here.path, 'witness'))
    await here.leave()
    return ino
  }
  return { folder, trees, root, stackOf, step, check }
}

function linesOf(path: string): string[] {
  const list = (found: WalkedFile, at: string): string[] => [
    `${at} ${found.kind} ${found.mode.toString(8)} ${found.uid}:${found.gid} ${at === '' ? '' : found.mtime} ${found.size} ${found.target ?? ''} ${found.inode === undefined ? '' : 'shared'} ${found.device ?? ''}${found.sockets?.join() ?? ''}`,
    ...[...(found.children ?? [])]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((child) => list(child, `${at}/${child.name}`)),
  ]
  return list(walk(path, undefined)[0]!, '')
}

const works: Readonly<Record<string, (at: (path: string) => string) => void | Promise<void>>> = {
  nothing: () => {},
  'writes, in place and anew': (at) => {
    writeFileSync(at('etc/conf'), 'x = 2\n')
    writeFileSync(at('etc/new'), 'new')
    mkdirSync(at('opt/a/b/c'), { recursive: true })
    writeFileSync(at('opt/a/b/c/d'), 'd')
  },
  'the same size and time': (at) => {
    writeFileSync(at('etc/conf'), 'y = 3\n')
    utimesSync(at('etc/conf'), 1_700_000_000, 1_700_000_000)
  },
  'modes, owners and times': (at) => {
    chmodSync(at('etc/conf'), 0o4711)
    chownSync(at('srv/data'), 1, 1)
    chmodSync(at('srv/data'), 0o700)
    utimesSync(at('srv'), 5, 5)
    chmodSync(at(''), 0o700)
  },
  'removes a file, a tree and nearly everything': (at) => {
    rmSync(at('etc/deep'), { recursive: true })
    rmSync(at('bin/twin'))
    for (const name of readdirSync(at(''))) if (name !== 'witness') rmSync(at(name), { recursive: true })
  },
  'removes a tree and makes it again with other names': (at) => {
    rmSync(at('etc'), { recursive: true })
    mkdirSync(at('etc/deep/er'), { recursive: true })
    writeFileSync(at('etc/deep/er/other'), '')
  },
  'puts a directory in the place of a file, and a file in that of a directory': (at) => {
    rmSync(at('etc/conf'))
    mkdirSync(at('etc/conf'))
    writeFileSync(at('etc/conf/inner'), '')
    rmSync(at('srv'), { recursive: true })
    writeFileSync(at('srv'), 'file')
  },
  'puts links that lead out in the place of directories': (at) => {
    renameSync(at('etc'), at('etc-moved'))
    symlinkSync('../../../../../../../../..', at('etc'))
    rmSync(at('srv/data'), { recursive: true })
    symlinkSync('/', at('srv/data'))
  },
  'moves a tree into another': (at) => renameSync(at('etc/deep'), at('srv/deep')),
  'links names together, and writes through one of them': (at) => {
    linkSync(at('etc/conf'), at('srv/conf'))
    rmSync(at('bin/twin'))
    linkSync(at('bin/tool'), at('bin/twin'))
    writeFileSync(at('bin/twin'), 'both')
  },
  'leaves a socket': (at) =>
    new Promise((resolve, reject) => {
      const server = createServer()
      server.on('error', reject).listen(at('tmp/socket'), () => {
        // Closing it would remove it.
        renameSync(at('tmp/socket'), at('etc/socket'))
        server.close(() => resolve())
      })
    }),
  'makes names that are not UTF-8, and such as tools stumble over': (at) => {
    const bytes = (name: string) => Buffer.concat([Buffer.from(at('etc/')), Buffer.from(name, 'latin1')])
    mkdirSync(bytes('\xff\xfe'))
    writeFileSync(bytes('\xff\xfe/\x80'), 'x')
    writeFileSync(bytes('two\nlines'), 'x')
    writeFileSync(bytes('.wh.conf'), 'x')
    writeFileSync(bytes('back\\slash'), 'x')
  },
  'closes directories': (at) => {
    chmodSync(at('etc/deep/er'), 0)
    chmodSync(at('etc/deep'), 0)
  },
}

describe.skipIf(!unlessMissing(isRoot, 'whole filesystems in folders are tried as root'))('a step', () => {
  test.each(Object.entries(works))('finds nothing of one that failed and %s', async (_, work) => {
    const { stackOf, step, check } = openLab()
    const stack = await stackOf(base)
    const ino = await check(stack)
    for (let i = 0; i < 2; i++) await step(stack, (path) => work((name) => join(path, name)))
    expect(await check(stack)).toBe(ino)
  })

  test.each(Object.entries(works))('goes on with one that %s, and others begin before it', async (_, work) => {
    const { root, stackOf, check, folder } = openLab()
    const stack = await stackOf(base)
    const ino = await check(stack)
    const first = root()
    await first.unpack(stack)
    await work((name) => join(first.path, name))
    const differences = compareTrees(stack.tree().root, (await first.after()).root, sameContent)
    const path = join(folder, 'changes')
    const { index } = await packLayer(differences, { path, digests: () => false })
    const layers = [...stack.layers, { index, path, chain: sha256(index.diffId) }]
    const merged = mergeLayers(layers)
    await first.leave(layers.at(-1)!.chain)
    const further = { layers, tree: () => merged }
    expect(await check(further)).toBe(ino)
    expect(await check(stack)).toBe(ino)
    // As if a COPY came next, in place of that step and after it.
    const other = await stackOf(base, treeOf({ 'etc/conf': 'other', 'etc/deep/er/more': '', opt: 'file' }, base))
    expect(await check(other)).toBe(ino)
    expect(await check(further)).toBe(ino)
  })

  test('finds what it should, whatever others did, and in whatever order', async () => {
    const { stackOf, step, check, trees } = openLab()
    const stacks: Stack[] = []
    for (let seed = 1; seed <= 8; seed++) {
      const chance = chances(seed)
      const first = scrambled(base, chance)
      const second = scrambled(first, chance)
      stacks.push(await stackOf(base), await stackOf(base, first), await stackOf(base, first, second))
    }
    const chance = chances(99)
    const all = Object.values(works)
    const ino = await check(stacks[0]!)
    for (let i = 0; i < 30; i++) {
      const work = all[chance(all.length)]!
      await step(stacks[chance(stacks.length)]!, async (path) => {
        try {
          await work((name) => join(path, name))
        } catch {
          // Not all that it wants to change is there.
        }
      })
      expect(await check(stacks[chance(stacks.length)]!)).toBe(ino)
    }
    expect(readdirSync(trees).length).toBeLessThan(stacks.length)
  })

  test('that failed leaves nothing that it has written', async () => {
    const { stackOf, step, trees } = openLab()
    await step(await stackOf(base), (path) => {
      writeFileSync(join(path, 'tmp/scrap'), 'scrap')
      writeFileSync(join(path, 'etc/conf'), 'scrap')
    })
    expect(readdirSync(trees)).toHaveLength(1)
    expect(filesWith(trees, 'scrap')).toEqual([])
  })

  test('does not go on with a copy of other layers, or of which nobody knows what was changed', async () => {
    const { stackOf, check, trees } = openLab()
    const ino = await check(await stackOf(base))
    const other = treeOf({ witness: 'nobody changes this one' })
    expect(await check(await stackOf(other, base))).not.toBe(ino)
    // A layer that leads through a link of one below it: what it changes has other names.
    const linked = await stackOf(treeOf({ 'usr/lib/a': '', lib: linkNode('usr/lib'), witness: '' }))
    const path = join(trees, '../through-link')
    const entry = fileNode('through')
    const { index } = await packLayer([{ kind: 'put', path: 'lib/b', node: entry }], { path, digests: () => false })
    const layers = [...linked.layers, { index, path, chain: sha256('through') }]
    const merged = mergeLayers(layers)
    const through = await check({ layers, tree: () => merged })
    expect(await check(linked)).not.toBe(through)
    for (const name of readdirSync(trees)) writeFileSync(join(trees, name, 'state.json'), '{')
    await check(linked)
  })

  test('leaves nothing where it could not be unpacked', async () => {
    const { stackOf, root, trees } = openLab()
    const stack = await stackOf(base)
    rmSync(stack.layers[0]!.path)
    const filesystem = root()
    await expect(filesystem.unpack(stack)).rejects.toThrow(/cannot read .*layer/)
    await filesystem.leave()
    expect(existsSync(trees)).toBe(false)
  })
})

function chances(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
}

/** The tree with some of its paths removed, replaced and added; the witness stays. */
function scrambled(tree: Tree, chance: (below: number) => number): Tree {
  const draft = tree.edit()
  const paths = [...tree.walk()].map(([path]) => path).filter((path) => path !== 'witness')
  const nodes: readonly (() => Node)[] = [
    () => fileNode(`text ${chance(1000)}`),
    // None leads out: what is done to the filesystems here is done by root, and follows links.
    () => linkNode(['/nowhere', '../nowhere', 'etc', '.'][chance(4)]!),
    () => treeOf({ x: 'x', 'y/z': 'z' }).root,
    () => ({ kind: 'fifo', mode: 0o600, uid: 1, gid: 1, mtime: 1_700_000_000, mtimeNs: 0 }),
  ]
  for (let i = 0; i < 4; i++) {
    const parts = paths[chance(paths.length)]!.split('/')
    const at =
      chance(2) === 0 ? parts : [...parts.slice(0, -1), decodeName(Buffer.from([0x6e, 0xff, 0x30 + chance(9)]))]
    const parent = draft.get(at.slice(0, -1))
    if (at.length > 1 && parent?.kind !== 'directory') continue
    draft.remove(at)
    if (chance(3) > 0) draft.put(at, nodes[chance(nodes.length)]!())
  }
  return new Tree(draft.done())
}
