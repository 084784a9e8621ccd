import type { Context } from '../../files/context/index.ts'
import type { Tree } from '../../files/tree/index.ts'

/** What a copy takes files from. */
export interface Input {
  readonly tree: Tree
  /** For messages: `the build context`, `stage "build"`, `image alpine:3.19`. */
  readonly label: string
  readonly context?: Context
}
