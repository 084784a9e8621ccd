import type { CheckFinding } from '../../api/index.ts'
import type { Tree } from '../../files/tree/index.ts'
import { finding } from './finding.ts'

// More findings of a kind add nothing.
const mostOfKind = 100

/** Finds files and directories with unusual permissions: set-ID bits, capabilities, world-writable. */
export function checkPermissions(tree: Tree): readonly CheckFinding[] {
  const findings = { setId: [] as CheckFinding[], capabilities: [] as CheckFinding[], writable: [] as CheckFinding[] }
  for (const [path, node] of tree.walk()) {
    if (node.kind === 'symlink') continue
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
