import { systemPath } from '../../support/index.ts'
import type { Content, Moment } from '../tree/index.ts'
import type { FolderMemory } from './folder-memory.ts'
import type { FolderPlace } from './folder-place.ts'

/** A folder being read. */
export interface Folder {
  /** Relative to the context, '' for its root. */
  readonly path: string
  /** On this machine. */
  readonly real: string
  readonly memory: FolderMemory
  readonly place: FolderPlace
  /** When reading it began. */
  readonly began: Moment
  /** Whether all paths in it are UTF-8. */
  readonly isPlain: boolean
}

/** Returns the path of a file in the folder, for Node's fs functions. */
export function systemPathIn({ real, isPlain }: Folder, name: string): string | Buffer {
  const path = `${real}/${name}`
  return isPlain ? path : systemPath(path)
}

/** The content of a file. There may be hundreds of thousands, so nothing that the folder knows is stored again. */
export class FileContent {
  private readonly folder: Folder
  private readonly name: string
  private readonly number: number

  constructor(folder: Folder, name: string, number: number) {
    this.folder = folder
    this.name = name
    this.number = number
  }

  get kind() {
    return 'extent' as const
  }

  get path(): string {
    return `${this.folder.real}/${this.name}`
  }

  get offset(): number {
    return 0
  }

  get digest(): Content['digest'] {
    return this.folder.memory.digestOf(this.number)
  }

  set digest(digest: Content['digest']) {
    if (digest !== undefined) this.folder.memory.learn(this.number, digest)
  }
}
