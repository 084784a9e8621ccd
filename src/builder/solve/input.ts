import type { BuildContext } from '../../files/context/index.ts'
import type { Tree } from '../../files/tree/index.ts'
import type { Step } from '../../support/index.ts'

/** What a copy takes files from. */
export interface Input {
  /** If the files are `remote`, only what `fetch` returns can be read. */
  readonly tree: Tree
  /** For messages: `the build context`, `stage "build"`, `image alpine:3.19`. */
  readonly label: string
  readonly context?: BuildContext
  /** Inputs with the same identity have the same files: an additional key besides the contents. */
  readonly identity?: string
  readonly remote?: RemoteFiles
  /** Whether the tree's root has a time of its own. */
  readonly timed?: boolean
}

/** Known files that have not been fetched yet. */
export interface RemoteFiles {
  /** Inputs with the same identity have the same files; lets a step be found without fetching them. */
  readonly identity: string
  /** Whether the files' times are part of what they are, so that equal contents are not enough. */
  readonly timesCount: boolean
  fetch(step: Step): Promise<Tree>
}
