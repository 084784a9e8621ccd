import { type Directory, type Node, sortedNames } from '../../../files/tree/index.ts'

/** Decides which paths below a directory are excluded. */
export interface Excluder {
  ignored(path: string): boolean
  mayReinclude(directory: string): boolean
}

/** The same for --parents: `ignored` means copied. */
export interface Includer {
  ignored(path: string): boolean
  mayMatchBelow(directory: string): boolean
}

/** Something that a COPY or ADD takes, and which part of it. */
export interface Selection {
  readonly node: Node
  /** Its name inside a destination directory: its own, even if a symlink with that name was followed. */
  readonly name: string
  /** A root without a time of its own: the destination gets the time of the copy. */
  readonly untimed?: boolean
  /** For a directory with --parents: only matches are copied, with their parent directories. */
  readonly include?: Includer | undefined
  readonly exclude?: Excluder | undefined
}

/** Visits everything copied from a directory, directories before their contents, names sorted by their bytes. */
export interface SelectionVisitor {
  /** Called for a directory that is copied, or, if not `picked`, that is needed for something below it. */
  enter(name: string, directory: Directory, picked: boolean): void
  leave(directory: Directory, picked: boolean): void
  leaf(name: string, node: Exclude<Node, Directory>): void
}

// Number of names between two yields.
const stride = 64

/**
 * Walks what a selected directory contributes, both for a step's key and for the copy. Yields regularly, so that the caller can
 * stop.
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
  /** Parent directories without any match yet, outermost first. */
  private readonly waiting: { readonly name: string; readonly directory: Directory }[] = []
  private seen = 0

  constructor(include: Includer | undefined, exclude: Excluder | undefined, visitor: SelectionVisitor) {
    this.include = include
    this.exclude = exclude
    this.visitor = visitor
  }

  /** `all`: the directory or one above it was selected. */
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

  /** Whether a directory that is not selected itself may contain something to copy. */
  private mayHold(path: string, wanted: boolean): boolean {
    if (!wanted && !this.include!.mayMatchBelow(path)) return false
    return this.exclude?.ignored(path) !== true || this.exclude.mayReinclude(path)
  }

  private arrive(): void {
    for (const { name, directory } of this.waiting.splice(0)) this.visitor.enter(name, directory, false)
  }
}
