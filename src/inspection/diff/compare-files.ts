import type { ComparedFact, ComparedFile, FileType } from '../../api/index.ts'
import { ContentReader } from '../../files/layer/index.ts'
import { type Directory, type Node, sortedNames } from '../../files/tree/index.ts'
import { sortNames } from '../../support/index.ts'
import { compareMetadata } from './compare-metadata.ts'
import type { Ignored } from './ignored.ts'
import { sameBytes } from './same-bytes.ts'

export interface FileComparison {
  readonly ignored: Ignored
  /** The numbers of the layers that these are the files of. */
  readonly layers?: Pick<ComparedFile, 'layerA' | 'layerB'> | undefined
  /** Whether files may have several names: only then they are looked for. */
  readonly hardLinks: boolean
}

/** What differs from `a` to `b`: depth first, names in the order of their bytes. */
export function compareFiles(a: Directory, b: Directory, options: FileComparison): readonly ComparedFile[] {
  return new Comparison(a, b, options).run()
}

type Names = ReadonlyMap<Node, string>

class Comparison {
  private readonly found: ComparedFile[] = []
  private readonly readers = [new ContentReader(), new ContentReader()] as const
  private readonly a: Directory
  private readonly b: Directory
  private readonly options: FileComparison
  private readonly names: readonly [Names, Names] | undefined

  constructor(a: Directory, b: Directory, options: FileComparison) {
    this.a = a
    this.b = b
    this.options = options
    if (options.hardLinks) this.names = [sharedNames(a), sharedNames(b)]
  }

  run(): readonly ComparedFile[] {
    try {
      this.directories(this.a, this.b, '')
      return this.found
    } finally {
      for (const reader of this.readers) reader.close()
    }
  }

  private directories(a: Directory, b: Directory, prefix: string): void {
    if (a === b) return
    const names = [...a.children.keys()]
    for (const name of b.children.keys()) if (!a.children.has(name)) names.push(name)
    for (const name of sortNames(names)) this.nodes(a.children.get(name), b.children.get(name), prefix + name)
  }

  private nodes(a: Node | undefined, b: Node | undefined, path: string): void {
    if (a === b) return
    if (a === undefined || b === undefined) this.oneSided(a, b, path)
    else if (a.kind !== b.kind) this.otherTypes(a, b, path)
    else {
      const changes = compareMetadata(a, b)
      if (a.kind === 'file' && b.kind === 'file' && !sameBytes(a, b, ...this.readers))
        changes.unshift({ kind: 'content', ...digests(a.content.digest, b.content.digest) })
      this.links(a, b, path, changes)
      this.changed(a, b, path, changes)
      if (a.kind === 'directory' && b.kind === 'directory') this.directories(a, b, `${path}/`)
    }
  }

  /** The whole of what one side alone has. */
  private oneSided(a: Node | undefined, b: Node | undefined, path: string): void {
    const node = (b ?? a)!
    if (isMountPoint(node, path) && this.options.ignored.has('mount-points')) return
    const kind = a === undefined ? 'added' : 'removed'
    this.found.push({ kind, path, type: node.kind, ...sizes(a, b), changes: [], ...this.options.layers })
    this.below(a, b, path)
  }

  private otherTypes(a: Node, b: Node, path: string): void {
    this.changed(a, b, path, [{ kind: 'type', a: a.kind, b: b.kind }])
    this.below(a, undefined, path)
    this.below(undefined, b, path)
  }

  private below(a: Node | undefined, b: Node | undefined, path: string): void {
    for (const side of [a, b])
      if (side?.kind === 'directory')
        for (const name of sortedNames(side)) {
          const child = side.children.get(name)
          this.oneSided(side === a ? child : undefined, side === b ? child : undefined, `${path}/${name}`)
        }
  }

  private links(a: Node, b: Node, path: string, changes: ComparedFact[]): void {
    if (this.names === undefined) return
    const before = this.names[0].get(a) ?? path
    const after = this.names[1].get(b) ?? path
    if (before === after) return
    const values = { ...(before === path ? {} : { a: before }), ...(after === path ? {} : { b: after }) }
    changes.push({ kind: 'hard-links', ...values })
  }

  private changed(a: Node, b: Node, path: string, all: readonly ComparedFact[]): void {
    const changes = all.filter(({ kind }) => !this.options.ignored.has(kind))
    if (changes.length === 0) return
    const type: FileType = b.kind
    this.found.push({ kind: 'changed', path, type, ...sizes(a, b), changes, ...this.options.layers })
  }
}

// What runtimes mount, or make before they mount it. buildah leaves an empty /etc/resolv.conf.
const mountPoints = new Set([
  ...['.dockerenv', 'dev', 'dev/console', 'dev/mqueue', 'dev/pts', 'dev/shm', 'etc', 'etc/hostname', 'etc/hosts'],
  ...['etc/mtab', 'etc/resolv.conf', 'proc', 'run', 'run/.containerenv', 'run/secrets', 'sys'],
])

/** Whether it is such a place, and empty. */
function isMountPoint(node: Node, path: string): boolean {
  if (!mountPoints.has(path)) return false
  if (node.kind === 'directory')
    return [...node.children].every(([name, child]) => isMountPoint(child, `${path}/${name}`))
  return node.kind === 'file' ? node.size === 0 : node.kind === 'symlink' && path === 'etc/mtab'
}

function sizes(a: Node | undefined, b: Node | undefined): Pick<ComparedFile, 'sizeA' | 'sizeB'> {
  return {
    ...(a?.kind === 'file' ? { sizeA: a.size } : {}),
    ...(b?.kind === 'file' ? { sizeB: b.size } : {}),
  }
}

function digests(a: string | undefined, b: string | undefined): { a?: string; b?: string } {
  return { ...(a === undefined ? {} : { a }), ...(b === undefined ? {} : { b }) }
}

/** Of every node that has several names, the first. */
function sharedNames(root: Directory): Names {
  const first = new Map<Node, string>()
  const shared = new Map<Node, string>()
  const visit = (directory: Directory, prefix: string): void => {
    for (const name of sortedNames(directory)) {
      const node = directory.children.get(name)!
      if (node.kind === 'directory') visit(node, `${prefix}${name}/`)
      else if (!first.has(node)) first.set(node, prefix + name)
      else shared.set(node, first.get(node)!)
    }
  }
  visit(root, '')
  return shared
}
