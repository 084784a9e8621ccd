import type { Context } from '../../files/context/index.ts'
import type { Tree } from '../../files/tree/index.ts'
import type { Step } from '../../support/index.ts'

/** What a copy takes files from. */
export interface Input {
  /** For files that are `remote`, only what `fetch` answers can be looked at. */
  readonly tree: Tree
  /** For messages: `the build context`, `stage "build"`, `image alpine:3.19`. */
  readonly label: string
  readonly context?: Context
  /** Inputs with the same identity have the same files: a second name for what is also known by its contents. */
  readonly identity?: string
  readonly remote?: RemoteFiles
  /** The root of the tree has a time of its own. */
  readonly timed?: boolean
}

/** Files that are somewhere else, of which it is known what they are. */
export interface RemoteFiles {
  /** Inputs with the same identity have the same files; lets a step be found without fetching them. */
  readonly identity: string
  /** The times of the files belong to what they are: equal contents alone will not do. */
  readonly timesCount: boolean
  fetch(step: Step): Promise<Tree>
}
