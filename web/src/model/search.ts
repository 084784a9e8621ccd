import type { Tree } from './tree.ts'
import { states, type View } from './view.ts'

/** Which paths match a search, and which directories hold some that do. */
export interface Matches {
  /** 0: no; 1: something in it does; 2: it does. */
  readonly found: Uint8Array
  readonly count: number
}

/** Finds paths with all words in their name; a word with `/` is looked for in the whole path. Undefined for no words. */
export function searchPaths(tree: Tree, views: readonly View[], query: string): Matches | undefined {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) return undefined
  const found = new Uint8Array(tree.count)
  const wholePath = words.some((word) => word.includes('/'))
  const paths: string[] = []
  let count = 0
  for (let node = 0; node < tree.count; node++) {
    let text = tree.name[node]!.toLowerCase()
    if (wholePath) {
      const depth = tree.depth[node]!
      text = depth === 0 ? '' : `${paths[depth - 1]}/${text}`
      paths[depth] = text
    }
    if (node === 0 || !words.every((word) => text.includes(word))) continue
    if (views.every(({ state }) => state[node] === states.absent)) continue
    found[node] = 2
    count += 1
  }
  for (let node = tree.count - 1; node > 0; node--)
    if (found[node] !== 0 && found[tree.parent[node]!] === 0) found[tree.parent[node]!] = 1
  return { found, count }
}
