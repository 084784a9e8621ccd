import { readFileSync } from 'node:fs'
import { readTar } from '../../src/files/tar/index.ts'
import { type Metadata, type Node, Tree } from '../../src/files/tree/index.ts'
import { collect, flow } from '../../src/support/index.ts'
import { noise } from './cli.ts'

// Trees from literals, and trees and layers as lines to compare.

type Facts = Partial<Metadata>

/** A file's text; more about it; a folder where the path ends in `/`; another name of a file before it; anything else as a node. */
export type TreeSpec = string | (Facts & { readonly text: string }) | { readonly same: string } | Facts | Node

const plain: Metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 1_700_000_000, mtimeNs: 0 }

export function fileNode(text: string | Uint8Array, facts: Facts = {}): Node & { kind: 'file' } {
  const bytes = Buffer.from(text as string)
  return { kind: 'file', ...plain, ...facts, size: bytes.length, content: { kind: 'inline', bytes } }
}

export function linkNode(target: string, facts: Facts = {}): Node & { kind: 'symlink' } {
  return { kind: 'symlink', ...plain, ...facts, mode: 0o777, target }
}

/** The tree of these paths; their parents are made. Every file has a content of its own, except for `{ same: path }`. */
export function treeOf(members: Readonly<Record<string, TreeSpec>>, on: Tree = Tree.empty): Tree {
  const draft = on.edit()
  for (const [path, spec] of Object.entries(members)) {
    const parts = path.split('/').filter((part) => part !== '')
    const directory = { ...plain, mode: 0o755 }
    draft.makeDirectories(parts.slice(0, -1), directory)
    if (typeof spec === 'string') draft.put(parts, fileNode(spec))
    else if ('same' in spec) draft.put(parts, draft.get(spec.same.split('/'))!)
    else if ('kind' in spec) draft.put(parts, spec)
    else if ('text' in spec) draft.put(parts, fileNode(spec.text, (({ text: _, ...facts }) => facts)(spec)))
    else {
      draft.makeDirectories(parts, directory)
      draft.change(parts, spec)
    }
  }
  return new Tree(draft.done())
}

/** A tree as lines, `755 0:0 etc/` and `644 0:0 etc/motd = hello`; a second name of a file tells the first. */
export function listTree(tree: Tree, textOf: (node: Node & { kind: 'file' }) => string): string[] {
  const first = new Map<Node, string>()
  return [...tree.walk()].map(([path, node]) => {
    const start = `${node.mode.toString(8)} ${node.uid}:${node.gid} ${path}`
    if (node.kind === 'directory') return `${start}/`
    const known = first.get(node)
    if (known !== undefined) return `${start} == ${known}`
    first.set(node, path)
    if (node.kind === 'symlink') return `${start} -> ${node.target}`
    if (node.kind === 'file') return `${start} = ${textOf(node)}`
    return `${start} ${node.kind}${node.kind === 'fifo' ? '' : ` ${node.major}:${node.minor}`}`
  })
}

/** A tar as lines in its order: as those of a tree, with `== target` for hard links; `times` adds `@seconds`. */
export async function listTar(tar: string | Uint8Array, times = false): Promise<string[]> {
  const bytes = typeof tar === 'string' ? readFileSync(tar) : tar
  const lines: string[] = []
  for await (const { body, ...entry } of readTar(flow(bytes))) {
    const text = (await collect(body, 1 << 30)).toString('latin1')
    const what = {
      file: ` = ${text.length > 100 ? `${text.length} bytes` : text}`,
      directory: '',
      symlink: ` -> ${entry.link}`,
      hardlink: ` == ${entry.link}`,
      fifo: ' fifo',
      char: ` char ${entry.deviceMajor}:${entry.deviceMinor}`,
      block: ` block ${entry.deviceMajor}:${entry.deviceMinor}`,
    }[entry.kind]
    const xattrs = [...(entry.xattrs ?? [])].map(([name, value]) => ` ${name}=${Buffer.from(value).toString('hex')}`)
    lines.push(
      `${entry.mode.toString(8)} ${entry.uid}:${entry.gid}${times ? ` @${entry.mtime}` : ''} ${entry.path}${what}${xattrs.join('')}`,
    )
  }
  return lines
}

const pattern = noise(65_537)

/** Bytes that no two blocks near each other have the same of; made faster than chance. */
export function manyBytes(size: number): Buffer {
  return Buffer.alloc(size, pattern)
}
