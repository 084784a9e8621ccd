import type { Dockerfile } from '../../dockerfile/index.ts'
import { TareError } from '../../support/index.ts'
import { stagesByName } from './stage-heads.ts'
import type { Operation, OperationId } from './types.ts'

/** Returns the stage to squash from. Throws `TARGET_UNKNOWN`. */
export function stageToSquash(file: Dockerfile, text: string): number {
  const index = stagesByName(file).get(text.toLowerCase()) ?? (/^\d{1,5}$/.test(text) ? Number(text) : undefined)
  if (index !== undefined && index < file.stages.length) return index
  throw new TareError('TARGET_UNKNOWN', `there is no stage "${text}" to squash from`, {
    remedy: 'Name a stage of the Dockerfile: FROM … AS name.',
  })
}

/** Returns the stage's last operation if the image is built on it. Throws `OPTION_INVALID` otherwise. */
export function rootBelow(
  operations: readonly Operation[],
  root: OperationId,
  wanted: OperationId | undefined,
  stage: string,
): OperationId {
  for (let id: OperationId | undefined = root; id !== undefined; ) {
    if (id === wanted) return id
    const operation: Operation = operations[id]!
    id = 'onto' in operation ? operation.onto : undefined
  }
  throw new TareError('OPTION_INVALID', `the image is not built on stage "${stage}"`, {
    remedy: 'Squash from a stage that it is FROM, directly or through others.',
  })
}
