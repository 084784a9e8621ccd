import type { CheckFinding } from '../../api/index.ts'
import { kindsOfEntries, type LayerEntry } from '../../files/layer/index.ts'
import { compareNames } from '../../support/index.ts'
import type { FlatFilesystem } from '../filesystem/flat.ts'
import type { FlatDirectory } from '../filesystem/flat-directory.ts'
import { finding } from './finding.ts'

// More findings of a kind add nothing.
const mostOfKind = 100

/** Finds files and directories with unusual permissions: set-ID bits, capabilities, world-writable. */
export function checkPermissions(flat: FlatFilesystem): readonly CheckFinding[] {
  const findings = { setId: [] as CheckFinding[], capabilities: [] as CheckFinding[], writable: [] as CheckFinding[] }
  for (const [path, node] of unusual(flat)) {
    const { mode } = node
    if (node.kind === 'file' && (mode & 0o6000) !== 0 && (mode & 0o111) !== 0)
      findings.setId.push(
        finding(
          'SetIdBits',
          'note',
          `/${path} has mode 0${(mode & 0o7777).toString(8)}, owner ${node.uid}:${node.gid}`,
          {
            path,
            reason: `Whoever starts it runs as ${(mode & 0o4000) === 0 ? `group ${node.gid}` : `user ${node.uid}`}.`,
            remedy: 'Remove the bit (chmod a-s) or the program where nothing needs it.',
          },
        ),
      )
    if (node.xattrs?.has('security.capability') === true)
      findings.capabilities.push(
        finding('FileCapabilities', 'note', `/${path} has file capabilities`, {
          path,
          reason: 'Whoever starts it has capabilities that they did not have.',
          remedy: 'Remove them (setcap -r) where nothing needs them.',
        }),
      )
    const isSticky = node.kind === 'directory' && (mode & 0o1000) !== 0
    if ((node.kind === 'file' || node.kind === 'directory') && (mode & 0o002) !== 0 && !isSticky)
      findings.writable.push(
        finding('WorldWritable', 'note', `/${path} has mode 0${(mode & 0o7777).toString(8)}: every user may write it`, {
          path,
          reason: 'A process of any user can change what others run or read.',
          remedy: 'Take the right away (chmod o-w).',
        }),
      )
  }
  return Object.values(findings).flatMap((kind) => kind.slice(0, mostOfKind))
}

const symlink = kindsOfEntries.indexOf('symlink')

/** Lists what may have such permissions, by path: names are made only of it. */
function unusual(flat: FlatFilesystem): readonly (readonly [path: string, entry: LayerEntry])[] {
  const isUnusual = new Uint8Array(flat.entryCount)
  for (const [layer, { columns, rest }] of flat.tables.entries()) {
    const first = flat.first[layer]!
    for (let i = 0; i < columns.mode.length; i++) if ((columns.mode[i]! & 0o6002) !== 0) isUnusual[first + i] = 1
    for (const [i, { xattrs }] of rest) if (xattrs !== undefined) isUnusual[first + i] = 1
  }
  const found: (readonly [string, LayerEntry])[] = []
  const look = (id: number, path: () => string) => {
    if (id >= 0 && isUnusual[id] === 1 && flat.kinds[id] !== symlink) found.push([path(), flat.entry(id)])
  }
  const visit = (directory: FlatDirectory, prefix: string): void => {
    const { run } = directory
    if (run !== undefined) {
      for (let id = run.id; id < run.id + run.to - run.from; id++) look(id, () => prefix + flat.nameOf(id))
      return
    }
    for (const [name, node] of directory.children) {
      look(typeof node === 'object' ? node.id : node, () => prefix + name)
      if (typeof node === 'object') visit(node, `${prefix}${name}/`)
    }
  }
  visit(flat.root, '')
  return found.sort(([a], [b]) => compareNames(a.replaceAll('/', '\0'), b.replaceAll('/', '\0')))
}
