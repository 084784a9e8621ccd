import { StringDecoder } from 'node:string_decoder'
import type { StatusResponse, Vertex } from '../../buildkit/index.ts'
import type { Step, Steps } from '../../support/index.ts'
import type { Operation } from '../plan/index.ts'
import { Mask } from '../solve/index.ts'

interface Shown {
  readonly step: Step
  readonly decoders: Map<number, { readonly decoder: StringDecoder; readonly mask: Mask }>
  said: number
  ended: boolean
}

/** A step that failed. */
export interface FailedVertex {
  readonly message: string
  readonly operation: Operation | undefined
}

// More than a person reads, and less than fills a disk.
const mostOutput = 100 << 20
const mostVertices = 100_000

/** Tells an engine's progress as events of our own. */
export class EngineProgress {
  private readonly steps: Steps
  private readonly hidden: readonly string[]
  private readonly shown = new Map<string, Shown>()
  private operations: ReadonlyMap<string, Operation> = new Map()
  private readonly recalled = new Set<string>()
  private failed: FailedVertex | undefined

  constructor(steps: Steps, hidden: readonly string[]) {
    this.steps = steps
    this.hidden = hidden
  }

  /** Says which vertices are operations of the plan. */
  know(operations: ReadonlyMap<string, Operation>): void {
    this.operations = operations
  }

  /** Whether the engine has said of each operation that it had the result. */
  get isCached(): boolean {
    const isSource = ({ kind }: Operation) =>
      kind === 'image' || kind === 'context' || kind === 'git' || kind === 'download'
    return [...this.operations].every(([digest, operation]) => isSource(operation) || this.recalled.has(digest))
  }

  /** The first step that failed by itself. */
  get failure(): FailedVertex | undefined {
    return this.failed
  }

  tell({ vertexes, statuses, logs }: StatusResponse): void {
    for (const vertex of vertexes) this.tellVertex(vertex)
    for (const { id, vertex, current, total, completed } of statuses) {
      const shown = this.shown.get(vertex)
      if (shown === undefined || shown.ended) continue
      shown.step.progress(id, Number(current), total > 0n ? Number(total) : undefined, completed !== undefined)
    }
    for (const { vertex, stream, msg } of logs) {
      const shown = this.shown.get(vertex)
      if (shown !== undefined) this.output(shown, Number(stream), msg)
    }
  }

  /** Ends what is still open. */
  end(how: 'canceled' | 'failed' | 'done', message = ''): void {
    for (const shown of this.shown.values()) {
      if (shown.ended) continue
      this.close(shown)
      if (how === 'canceled') shown.step.canceled()
      else if (how === 'done') shown.step.done()
      else shown.step.failed(message)
    }
  }

  private tellVertex({ digest, name, started, completed, cached, error }: Vertex): void {
    if (started === undefined && completed === undefined) return
    let shown = this.shown.get(digest)
    if (shown === undefined) {
      if (this.shown.size >= mostVertices) return
      shown = { step: this.steps.start(name), decoders: new Map(), said: 0, ended: false }
      this.shown.set(digest, shown)
    }
    if (completed === undefined || shown.ended) return
    this.close(shown)
    if (error === '') {
      if (cached) {
        this.recalled.add(digest)
        shown.step.cached()
      } else shown.step.done()
    } else if (/context canceled|Canceled/.test(error)) shown.step.canceled()
    else {
      shown.step.failed(error)
      this.failed ??= { message: error, operation: this.operations.get(digest) }
    }
  }

  private output(shown: Shown, stream: number, bytes: Uint8Array): void {
    const name = stream === 2 ? 'stderr' : 'stdout'
    if (shown.said > mostOutput) return
    shown.said += bytes.length
    if (shown.said > mostOutput) {
      shown.step.output(
        'stderr',
        `\n[the output of this step is longer than ${mostOutput >> 20} MiB and is not shown any further]\n`,
      )
      return
    }
    const known = shown.decoders.get(stream) ?? { decoder: new StringDecoder('utf8'), mask: new Mask(this.hidden) }
    shown.decoders.set(stream, known)
    const text = known.mask.take(known.decoder.write(Buffer.from(bytes)))
    if (text !== '') shown.step.output(name, text)
  }

  private close(shown: Shown): void {
    shown.ended = true
    for (const [stream, { decoder, mask }] of shown.decoders) {
      const text = mask.take(decoder.end()) + mask.end()
      if (text !== '') shown.step.output(stream === 2 ? 'stderr' : 'stdout', text)
    }
  }
}
