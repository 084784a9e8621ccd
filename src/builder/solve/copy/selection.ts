import { type Directory, type Node, sortedNames } from '../../../files/tree/index.ts'

/** Says which paths below a directory are meant, or stay behind. */
export interface Excluder {
  ignored(path: string): boolean
  mayReinclude(directory: string): boolean
}

/** The same of --parents: `ignored` are those that are copied. */
export interface Includer {
  ignored(path: string): boolean
  mayMatchBelow(directory: string): boolean
}

/** One thing that a COPY or an ADD takes, and what of it. */
export interface Selection {
  readonly node: Node
  /** The name it gets in a directory that it is copied into: its own, also where a symlink of that name was followed. */
  readonly name: string
  /** A root that has no time of its own: what it is copied into has that of the copy. */
  readonly untimed?: boolean
  /** Of a directory: with --parents, only what matches is copied, and the directories above it come along. */
  readonly include?: Includer | undefined
  readonly exclude?: Excluder | undefined
}

/** Hears of everything that is copied out of a directory, a directory before what it holds, names in the order of their bytes. */
export interface SelectionVisitor {
  /** A directory that is copied with all that is not excluded; or, not `picked`, one that comes along with something below it. */
  enter(name: string, directory: Directory, picked: boolean): void
  leave(directory: Directory, picked: boolean): void
  leaf(name: string, node: Exclude<Node, Directory>): void
}

// So many names are looked at between two pauses.
const stride = 64

/**
 * The one walk over what a selected directory gives, for the key of a step as for the copy. It yields now and then, so that
 * whoever goes through it can stop.
 */
export function walkSelection(
  directory: Directory,
  { include, exclude }: Pick<Selection, 'include' | 'exclude'>,
  visitor: SelectionVisitor,
): Generator<void> {
  return new Walk(include, exclude, visitor).below(directory, '', include === undefined)
}

class Walk {
  private readonly include: Includer | undefined
  private readonly exclude: Excluder | undefined
  private readonly visitor: SelectionVisitor
  /** Directories on the way that nothing has been found in yet, outermost first. */
  private readonly waiting: { readonly name: string; readonly directory: Directory }[] = []
  private seen = 0

  constructor(include: Includer | undefined, exclude: Excluder | undefined, visitor: SelectionVisitor) {
    this.include = include
    this.exclude = exclude
    this.visitor = visitor
  }

  /** `all`: the directory itself, or one above it, was asked for. */
  *below(directory: Directory, prefix: string, all: boolean): Generator<void> {
    for (const name of sortedNames(directory)) {
      if (++this.seen % stride === 0) yield
      const node = directory.children.get(name)!
      const path = prefix + name
      const wanted = all || this.include!.ignored(path)
      const picked = wanted && this.exclude?.ignored(path) !== true
      if (picked) this.arrive()
      if (node.kind !== 'directory') {
        if (picked) this.visitor.leaf(name, node)
      } else if (picked) {
        this.visitor.enter(name, node, true)
        yield* this.below(node, `${path}/`, true)
        this.visitor.leave(node, true)
      } else if (this.mayHold(path, wanted)) {
        this.waiting.push({ name, directory: node })
        yield* this.below(node, `${path}/`, wanted)
        if (this.waiting.pop() === undefined) this.visitor.leave(node, false)
      }
    }
  }

  /** Whether there may be something to copy below the directory, which is not copied itself. */
  private mayHold(path: string, wanted: boolean): boolean {
    if (!wanted && !this.include!.mayMatchBelow(path)) return false
    return this.exclude?.ignored(path) !== true || this.exclude.mayReinclude(path)
  }

  private arrive(): void {
    for (const { name, directory } of this.waiting.splice(0)) this.visitor.enter(name, directory, false)
  }
}
