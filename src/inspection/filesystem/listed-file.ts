import type { ListedFile } from '../../api/index.ts'
import type { LayerEntry } from '../../files/layer/index.ts'

const types = { remove: 'removed', hide: 'opaque' } as const

/** Describes an entry of a layer. */
export function listedFile(path: string, entry: LayerEntry, layer: number): ListedFile {
  const { kind, mode, uid, gid, size, digest, link, device, xattrs } = entry
  const type = kind === 'touch' ? 'directory' : kind in types ? types[kind as keyof typeof types] : kind
  return {
    path: `/${path}`,
    type: type as ListedFile['type'],
    ...{ mode, uid, gid, size, modified: timeOf(entry) },
    ...(digest === undefined ? {} : { digest }),
    ...(link === undefined ? {} : { target: kind === 'hardlink' ? `/${link}` : link }),
    ...(device === undefined ? {} : { device }),
    ...(xattrs === undefined ? {} : { xattrs: textsOf(xattrs) }),
    layer: layer + 1,
  }
}

/** Describes a directory that no layer contains. */
export function impliedDirectory(path: string): ListedFile {
  return {
    path: `/${path}`,
    type: 'directory',
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: 0,
    modified: timeOf({ mtime: 0 }),
  }
}

function textsOf(xattrs: ReadonlyMap<string, Uint8Array>): Readonly<Record<string, string>> {
  return Object.fromEntries([...xattrs].map(([name, value]) => [name, Buffer.from(value).toString('base64')]))
}

// The range of a Date. (ECMAScript, "Time Values and Time Range")
const lastSecond = 8.64e12

/** In whole seconds, like layers; only a layer built here has more. */
function timeOf({ mtime }: Pick<LayerEntry, 'mtime'>): string {
  const seconds = Math.max(-lastSecond, Math.min(lastSecond, mtime))
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
