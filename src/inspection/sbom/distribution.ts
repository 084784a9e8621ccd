import { readWhole } from '../../files/layer/index.ts'
import type { Tree } from '../../files/tree/index.ts'
import { findNode } from '../find-node.ts'

/** What /etc/os-release says of the distribution. */
export interface Distribution {
  /** `alpine`, `debian`. */
  readonly id?: string
  /** `3.19.1`. */
  readonly version?: string
}

const largest = 1 << 16

/** The distribution that the filesystem is of. (os-release(5)) */
export function readDistribution(tree: Tree): Distribution {
  for (const path of ['etc/os-release', 'usr/lib/os-release']) {
    const node = findNode(tree, path)
    if (node?.kind !== 'file' || node.size > largest) continue
    const text = readWhole(node, largest).toString('utf8')
    const value = (key: string) => new RegExp(`^${key}=(["']?)([^"'\\n]*)\\1$`, 'm').exec(text)?.[2]
    const id = value('ID')
    const version = value('VERSION_ID')
    return { ...(id === undefined ? {} : { id }), ...(version === undefined ? {} : { version }) }
  }
  return {}
}
