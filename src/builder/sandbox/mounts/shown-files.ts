import { lstatSync } from 'node:fs'
import type { Node } from '../../../files/tree/index.ts'
import { systemPath } from '../../../support/index.ts'

/** What a mounted directory shows. */
export interface ShownFiles {
  /** Whether something is at the path; undefined if that cannot be told: a link is on the way, or it is inaccessible. */
  has(path: string): boolean | undefined
}

export const shownEmpty: ShownFiles = { has: () => false }

/** Undefined for what is no directory. */
export function shownIn(root: Node): ShownFiles | undefined {
  if (root.kind !== 'directory') return undefined
  return {
    has: (path) => {
      let here = root
      for (const name of path.split('/')) {
        const node = here.children.get(name)
        if (node?.kind !== 'directory') return node === undefined ? false : undefined
        here = node
      }
      return true
    },
  }
}

export function shownOnDisk(folder: string): ShownFiles {
  return {
    has: (path) => {
      let here = folder
      try {
        for (const name of path.split('/')) {
          here += `/${name}`
          const stat = lstatSync(systemPath(here), { throwIfNoEntry: false })
          if (stat?.isDirectory() !== true) return stat === undefined ? false : undefined
        }
      } catch {
        return undefined
      }
      return true
    },
  }
}
