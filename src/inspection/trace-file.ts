import type { FileChange, FileDifference, FileTrace, ListedFile } from '../api/index.ts'
import type { LayerEntry } from '../files/layer/index.ts'
import type { Digest } from '../oci/index.ts'
import { FlatFilesystem } from './filesystem/flat.ts'
import type { FlatNode } from './filesystem/flat-directory.ts'
import { findFile } from './filesystem/list-files.ts'
import { impliedDirectory, listedFile } from './filesystem/listed-file.ts'
import type { InspectedImage } from './image.ts'

/** The digest of a file of which the index does not have it. */
export type DigestOf = (layer: number, entry: LayerEntry) => Promise<Digest>

interface State {
  readonly id: number
  readonly file: ListedFile
  readonly layer: number
  readonly entry: LayerEntry | undefined
}

/** Which layers wrote, changed or removed a path. Rejects with `FILE_UNKNOWN` where none ever had it. */
export async function traceFile(image: InspectedImage, path: string, digestOf: DigestOf): Promise<FileTrace> {
  const flat = new FlatFilesystem(image.layers)
  const changes: FileChange[] = []
  let before: State | undefined
  for (const [i, layer] of image.layers.entries()) {
    flat.add(i)
    const found = flat.find(path, { follow: false })
    const now = found.node === undefined ? undefined : stateOf(flat, found.path, found.node)
    const madeBy = {
      ...(layer.createdBy === undefined ? {} : { createdBy: layer.createdBy }),
      ...(layer.created === undefined ? {} : { created: layer.created }),
    }
    const differences = before && now && now.id !== before.id ? await differencesOf(before, now, digestOf) : []
    const change = changeOf(before, now, differences)
    const file = now?.file ?? before?.file
    if (change !== undefined && file !== undefined) changes.push({ layer: i + 1, change, file, differences, ...madeBy })
    before = now
  }
  const { path: resolved, node } = flat.find(path, { follow: false })
  if (changes.length === 0) findFile(image, flat, path, { follow: false })
  return { path: `/${resolved}`, exists: node !== undefined, changes }
}

function changeOf(
  before: State | undefined,
  now: State | undefined,
  differences: readonly FileDifference[],
): FileChange['change'] | undefined {
  if (now === undefined) return before === undefined ? undefined : 'removed'
  if (before === undefined) return 'added'
  if (now.id === before.id) return undefined
  return differences.length === 0 ? 'rewritten' : 'changed'
}

function stateOf(flat: FlatFilesystem, path: string, node: FlatNode): State {
  const id = typeof node === 'object' ? node.id : node
  if (id < 0) return { id, file: impliedDirectory(path), layer: -1, entry: undefined }
  const { layer, table, i } = flat.locate(id)
  const entry = table.entry(i)
  return { id, layer, entry, file: listedFile(path, entry, layer) }
}

async function differencesOf(before: State, now: State, digestOf: DigestOf): Promise<readonly FileDifference[]> {
  const [a, b] = [before.file, now.file]
  const same: [FileDifference, boolean][] = [
    ['type', a.type === b.type],
    ['content', a.type !== b.type || (await hasSameBytes(before, now, digestOf))],
    ['target', a.target === b.target],
    ['device', String(a.device) === String(b.device)],
    ['mode', a.mode === b.mode],
    ['owner', a.uid === b.uid && a.gid === b.gid],
    ['time', a.modified === b.modified],
    ['xattrs', xattrsOf(a) === xattrsOf(b)],
  ]
  return same.flatMap(([what, isSame]) => (isSame ? [] : [what]))
}

function xattrsOf({ xattrs = {} }: ListedFile): string {
  return JSON.stringify(Object.entries(xattrs).sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function hasSameBytes(before: State, now: State, digestOf: DigestOf): Promise<boolean> {
  if (before.file.size !== now.file.size) return false
  if (before.file.type !== 'file' || now.file.size === 0) return true
  const [a, b] = [before, now].map(({ entry, layer }) => entry!.digest ?? digestOf(layer, entry!))
  return (await a) === (await b)
}
