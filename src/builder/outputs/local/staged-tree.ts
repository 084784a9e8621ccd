import { TareError } from '../../../support/index.ts'

/** A directory of an output, as it will be; `undefined` for anything that is no directory. */
export class StagedDirectory {
  readonly children = new Map<string, StagedDirectory | undefined>()
  mode = 0o755
  /** Seconds since 1970; undefined leaves the time alone. */
  mtime: number | undefined

  /** Returns the directory below this one, which is new or already there from another platform. Throws `OUTPUT_INVALID`. */
  directory(name: string, path: string): StagedDirectory {
    const there = this.children.get(name)
    if (there !== undefined) return there
    if (this.children.has(name)) throw twice(path)
    const made = new StagedDirectory()
    this.children.set(name, made)
    return made
  }

  /** Throws `OUTPUT_INVALID` if another platform already has that name. */
  file(name: string, path: string): void {
    if (this.children.has(name)) throw twice(path)
    this.children.set(name, undefined)
  }
}

export function twice(path: string): TareError {
  return new TareError(
    'OUTPUT_INVALID',
    `several platforms have ${path}, and platform-split=false leaves room for one`,
    {
      remedy: 'Drop platform-split=false, or build one platform.',
    },
  )
}
