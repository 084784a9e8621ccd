import type { FileChange, FileDifference, FileTrace, ListedFile } from '../api/index.ts'
import type { LayerEntry } from '../files/layer/index.ts'
import { partsOf } from '../files/tree/index.ts'
import type { Digest } from '../oci/index.ts'
import { TareError } from '../support/index.ts'
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

/**
 * Which layers wrote, changed or removed a path: the one to which links lead in the end. Of a file that is gone, what was there in
 * each layer. Rejects with `FILE_UNKNOWN` where no layer ever had it.
 */
export async function traceFile(image: InspectedImage, path: string, digestOf: DigestOf): Promise<FileTrace> {
  const flat = new FlatFilesystem(image.layers)
  const asked = partsOf(path)
  const own: (State | undefined)[] = []
  const followed: (State | undefined)[] = []
  for (const i of image.layers.keys()) {
    flat.add(i)
    own.push(stateAt(flat, asked))
    followed.push(stateOf(flat, seek(flat, path)))
  }
  const place = seek(flat, path)?.path
  const states = place === undefined ? followed : place === asked.join('/') ? own : statesOf(image, partsOf(place))
  const changes = await changesOf(image, states, digestOf)
  if (changes.length === 0) findFile(image, flat, path, { follow: false })
  return { path: `/${place ?? asked.join('/')}`, exists: place !== undefined, changes }
}

/** Returns what each layer and those below have at a path that no link is part of. */
function statesOf(image: InspectedImage, names: readonly string[]): readonly (State | undefined)[] {
  const flat = new FlatFilesystem(image.layers)
  return image.layers.map((_, i) => {
    flat.add(i)
    return stateAt(flat, names)
  })
}

function stateAt(flat: FlatFilesystem, names: readonly string[]): State | undefined {
  let node: FlatNode | undefined = flat.root
  for (const name of names) node = typeof node === 'object' ? node.children.get(name) : undefined
  return stateOf(flat, node === undefined ? undefined : { path: names.join('/'), node })
}

interface Found {
  readonly path: string
  readonly node: FlatNode
}

/** Undefined also for a cycle of links, which another layer may end. */
function seek(flat: FlatFilesystem, wanted: string): Found | undefined {
  try {
    const { node, path } = flat.find(wanted, { follow: false })
    return node === undefined ? undefined : { path, node }
  } catch (error) {
    if (error instanceof TareError && error.code === 'SYMLINK_LOOP') return undefined
    throw error
  }
}

async function changesOf(
  image: InspectedImage,
  states: readonly (State | undefined)[],
  digestOf: DigestOf,
): Promise<readonly FileChange[]> {
  const changes: FileChange[] = []
  let before: State | undefined
  for (const [i, layer] of image.layers.entries()) {
    const now = states[i]
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
  return changes
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

function stateOf(flat: FlatFilesystem, found: Found | undefined): State | undefined {
  if (found === undefined) return undefined
  const { path, node } = found
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
