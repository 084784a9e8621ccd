import type { ImageContents } from '../api/index.ts'
import { effectsOf } from './marks.ts'

/** Where the paths of an image are in its tree, and their changes. Columns by the number of a path. */
export interface PathOutline {
  readonly contents: ImageContents
  /** The number of its directory. The root is its own. */
  readonly parents: Uint32Array
  /** The number of the path after its last descendant. */
  readonly ends: Uint32Array
  /** The number of its first change. Has one more at its end. */
  readonly starts: Uint32Array
  /** For each change, its layer from 1, and what it does, as an index in `marks`. */
  readonly layers: Uint32Array
  readonly effects: Uint8Array
}

export function outlineOf(contents: ImageContents): PathOutline {
  const { depth } = contents.paths
  const count = depth.length
  const parents = new Uint32Array(count)
  const ends = new Uint32Array(count).fill(count)
  const open: number[] = []
  for (let path = 0; path < count; path++) {
    while (open.length > depth[path]!) ends[open.pop()!] = path
    parents[path] = open[open.length - 1] ?? 0
    open.push(path)
  }
  const { changes } = contents
  return {
    ...{ contents, parents, ends, starts: startsOf(changes.path, count) },
    ...{ layers: Uint32Array.from(changes.layer), effects: effectsOf(changes) },
  }
}

function startsOf(paths: readonly number[], count: number): Uint32Array {
  const starts = new Uint32Array(count + 1)
  for (const path of paths) starts[path + 1]! += 1
  for (let path = 0; path < count; path++) starts[path + 1]! += starts[path]!
  return starts
}

/** Returns a path as text: `/usr/bin/env`. */
export function pathOf({ contents, parents }: PathOutline, path: number): string {
  const names: string[] = []
  for (let i = path; i !== 0; i = parents[i]!) names.push(contents.paths.name[i]!)
  return `/${names.reverse().join('/')}`
}
