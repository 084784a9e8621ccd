import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { llb } from '../../../buildkit/index.ts'
import { sha256 } from '../../../support/index.ts'

/** An output of a vertex; undefined is the empty filesystem. */
export type Edge = { readonly digest: string; readonly index: bigint } | undefined

type Op = MessageInitShape<typeof llb.OpSchema>
type Metadata = MessageInitShape<typeof llb.OpMetadataSchema>

/** A definition while it grows. Equal operations are one vertex. */
export class Vertices {
  private readonly def = new Map<string, Uint8Array>()
  private readonly metadata = new Map<string, Metadata>()
  /** For each digest, one that is the same in every session. */
  private readonly keys = new Map<string, string>()
  private readonly session: string

  constructor(session: string) {
    this.session = session
  }

  /** Adds an operation. `name` is what progress shows. */
  add(op: Op, name: string, options: { readonly ignoreCache?: boolean } = {}): Exclude<Edge, undefined> {
    const bytes = toBinary(llb.OpSchema, create(llb.OpSchema, op))
    const digest = sha256(bytes)
    if (!this.def.has(digest)) {
      this.def.set(digest, bytes)
      this.keys.set(digest, this.keyWithin(bytes, op.inputs ?? []))
      this.metadata.set(digest, {
        description: { 'llb.customname': name },
        ...(options.ignoreCache === true ? { ignoreCache: true } : {}),
      })
    }
    return { digest, index: 0n }
  }

  /** Identifies the steps behind an edge, whichever session its local files come from. */
  key({ digest }: Exclude<Edge, undefined>): string {
    return this.keys.get(digest)!
  }

  private keyWithin(bytes: Uint8Array, inputs: readonly { readonly digest?: string }[]): string {
    let text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1').replaceAll(this.session, '')
    for (const { digest = '' } of inputs) text = text.replace(digest, this.keys.get(digest) ?? digest)
    return sha256(text)
  }

  /** Returns the definition of what an edge needs; the last operation in it only points to the result. */
  definition(root: Exclude<Edge, undefined>): llb.Definition {
    const last = toBinary(llb.OpSchema, create(llb.OpSchema, { inputs: [root] }))
    return create(llb.DefinitionSchema, {
      def: [...this.def.values(), last],
      metadata: Object.fromEntries([...this.metadata].sort(([a], [b]) => (a < b ? -1 : 1))),
    })
  }
}

/** The inputs of an operation, each once. */
export class Inputs {
  readonly edges: Exclude<Edge, undefined>[] = []

  /** Returns the input's number; -1 for the empty filesystem. */
  of(edge: Edge): bigint {
    if (edge === undefined) return -1n
    const found = this.edges.findIndex(({ digest, index }) => digest === edge.digest && index === edge.index)
    return BigInt(found >= 0 ? found : this.edges.push(edge) - 1)
  }
}
