import { gateway } from '../../../buildkit/index.ts'
import type { CallSettings } from '../../../net/grpc/index.ts'
import type { OperationId } from '../../plan/index.ts'
import type { Engine } from '../engine/index.ts'
import type { Marshalled } from '../llb/index.ts'

export interface SolvedPlan {
  readonly engine: Engine
  readonly root: OperationId
  readonly solving: Promise<gateway.SolveResponse>
  /** Marshals the steps up to an operation. */
  readonly marshal: (root: OperationId) => Marshalled
  readonly settings: CallSettings
}

/** What an engine has made, for as long as it has not been told to hand it over. */
export class MadeThere {
  private readonly plan: SolvedPlan
  private readonly solved: Map<OperationId, Promise<gateway.SolveResponse>>

  constructor(plan: SolvedPlan) {
    this.plan = plan
    this.solved = new Map([[plan.root, plan.solving]])
  }

  /** Returns the times of what is in a directory after an operation, in nanoseconds since 1970, by name. */
  async list(id: OperationId, dirPath: string): Promise<ReadonlyMap<string, bigint>> {
    const { engine, settings } = this.plan
    const solving = this.solved.get(id) ?? this.solveUpTo(id)
    this.solved.set(id, solving)
    const ref = refOf(await solving)
    const { entries } = await engine.control.unary(gateway.LLBBridge.method.readDir, { ref, dirPath }, settings)
    return new Map(entries.map(({ path, modTime }) => [path, modTime]))
  }

  /** It has been made for the root. */
  private async solveUpTo(id: OperationId): Promise<gateway.SolveResponse> {
    const { engine, solving, marshal, settings } = this.plan
    await solving
    const { definition } = marshal(id)
    const request = { definition, allowResultReturn: true, allowResultArrayRef: true, evaluate: true }
    return engine.control.unary(gateway.LLBBridge.method.solve, request, settings)
  }
}

/** Returns how the engine calls a result. */
export function refOf({ ref, result }: gateway.SolveResponse): string {
  return result?.result.case === 'ref' ? result.result.value.id : (result?.result.value ?? ref)
}
