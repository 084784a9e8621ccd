import type { ArgPair, Dockerfile, Mount, Stage } from '../../dockerfile/index.ts'
import type { SourceRange } from '../../support/index.ts'
import type { WordExpander } from './word-expander.ts'

/** An ARG as the target sees it. */
export interface OutlinedArg {
  readonly name: string
  readonly description?: string | undefined
  /** Empty if it has none. */
  readonly value: string
  readonly lines: Lines
}

/** A secret or an SSH agent that a RUN of the target mounts. */
export interface OutlinedMount {
  readonly id: string
  readonly required: boolean
  readonly lines: Lines
}

type Lines = Pick<SourceRange, 'line' | 'endLine'>

/** What can be given to the build of a target. */
export interface Outline {
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly args: readonly OutlinedArg[]
  readonly secrets: readonly OutlinedMount[]
  readonly ssh: readonly OutlinedMount[]
  readonly source: string
}

interface StageNotes {
  readonly args: Map<string, OutlinedArg>
  readonly used: Set<string>
  readonly secrets: Map<string, OutlinedMount>
  readonly ssh: Map<string, OutlinedMount>
  /** The stage it starts from, then those that it copies from or mounts. */
  readonly below: Set<number>
}

/** Collects what the target's stages declare and mount, while they are planned. (BuildKit, dockerfile2llb/outline.go) */
export class OutlineNotes {
  private readonly file: Dockerfile
  private readonly globals = new Map<string, OutlinedArg & { readonly deps: readonly string[] }>()
  private readonly stages = new Map<number, StageNotes>()

  constructor(
    file: Dockerfile,
    words: WordExpander,
    platform: ReadonlyMap<string, string>,
    buildArgs: ReadonlyMap<string, string>,
  ) {
    this.file = file
    const values = new Map(platform)
    for (const { args, where } of file.globalArgs)
      for (const { key: name, value: text, description } of args) {
        const given = buildArgs.get(name)
        const look = given === undefined && text !== undefined ? words.look(text, values) : undefined
        const value = given ?? look?.text
        if (value !== undefined) values.set(name, value)
        this.globals.set(name, { name, description, value: value ?? '', lines: where, deps: look?.used ?? [] })
      }
    for (const { index, from } of file.stages) {
      const head = [from.base, ...(from.platform === undefined ? [] : [from.platform])]
      const used = new Set(head.flatMap((word) => words.look(word, values).used))
      this.stages.set(index, { args: new Map(), used, secrets: new Map(), ssh: new Map(), below: new Set() })
    }
  }

  /** An ARG of a stage; `value` is undefined if it has the value of the global one. */
  declare(stage: number, { key: name, description }: ArgPair, value: string | undefined, lines: Lines): void {
    const notes = this.stages.get(stage)!
    if (value !== undefined) notes.args.set(name, { name, description, value, lines })
    notes.used.add(name)
  }

  mounts(stage: number, mounts: readonly Mount[], lines: Lines): void {
    const { secrets, ssh } = this.stages.get(stage)!
    for (const { type, id, source, target = '', required } of mounts) {
      const known = type === 'secret' ? secrets : type === 'ssh' ? ssh : undefined
      const name = source || id || (type === 'ssh' ? 'default' : target.split('/').at(-1)!)
      if (known?.has(name) === false) known.set(name, { id: name, required, lines })
    }
  }

  uses(stage: number, other: number): void {
    this.stages.get(stage)!.below.add(other)
  }

  of(target: Stage): Outline {
    const order = this.reachable(target.index).map((index) => this.stages.get(index)!)
    const { name, description } = this.file.stages[target.index]!
    return {
      ...{ name, description, source: this.file.text },
      args: byLine(
        first(
          order.flatMap((notes) => this.argsOf(notes)),
          (arg) => arg.name,
        ),
      ),
      secrets: byLine(
        first(
          order.flatMap(({ secrets }) => [...secrets.values()]),
          (mount) => mount.id,
        ),
      ),
      ssh: byLine(
        first(
          order.flatMap(({ ssh }) => [...ssh.values()]),
          (mount) => mount.id,
        ),
      ),
    }
  }

  private argsOf({ args, used }: StageNotes): readonly OutlinedArg[] {
    const found: OutlinedArg[] = []
    const all = new Set(used)
    // A set also visits what is added meanwhile.
    for (const name of all) {
      const arg = args.get(name) ?? this.globals.get(name)
      if (arg === undefined) continue
      found.push(arg)
      if (!args.has(name)) for (const dep of this.globals.get(name)!.deps) all.add(dep)
    }
    return found
  }

  private reachable(target: number): readonly number[] {
    const order = new Set<number>()
    for (const rest = [target]; rest.length > 0; ) {
      const index = rest.pop()!
      if (!order.has(index)) rest.push(...[...this.stages.get(index)!.below].reverse())
      order.add(index)
    }
    return [...order]
  }
}

function first<T>(all: readonly T[], keyOf: (one: T) => string): readonly T[] {
  const found = new Map<string, T>()
  for (const one of all) if (!found.has(keyOf(one))) found.set(keyOf(one), one)
  return [...found.values()]
}

/** Those of one line stay in their order. */
function byLine<T extends { readonly lines: Lines }>(all: readonly T[]): readonly T[] {
  return [...all].sort((a, b) => a.lines.line - b.lines.line)
}
