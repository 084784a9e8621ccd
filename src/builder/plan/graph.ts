import type { Operation, OperationId } from './types.ts'

/** The operations of a plan being made. What several stages use is included once. */
export class Graph {
  readonly operations: Operation[] = []
  private readonly shared = new Map<string, OperationId>()

  add(operation: Operation): OperationId {
    this.operations.push(operation)
    return this.operations.length - 1
  }

  /** Returns the operation with that key, created on first use. */
  share(key: string, make: () => Operation): OperationId {
    const id = this.shared.get(key) ?? this.add(make())
    this.shared.set(key, id)
    return id
  }

  /** Adds what COPY or ADD reads. The same text is the same file, also in its time: a second copy of it changes nothing. */
  source(operation: Operation): OperationId {
    if (operation.kind !== 'files') return this.add(operation)
    return this.share(`files ${JSON.stringify(operation.files)}`, () => operation)
  }

  scratch(stage: string): OperationId {
    return this.share('scratch', () => ({ kind: 'scratch', title: '[internal] scratch', stage }))
  }

  /** Returns the operation for the files of the build context, or of a named one. */
  context(name: string): OperationId {
    const title = name === '' ? '[internal] load build context' : `[context ${name}] load from client`
    return this.share(`context ${name}`, () => ({ kind: 'context', title, stage: '', name }))
  }
}
