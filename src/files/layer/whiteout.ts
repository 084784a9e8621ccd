// The only file that knows how a layer says that something is gone. (image-spec, layer.md, "Whiteouts")

const prefix = '.wh.'
const opaque = '.wh..wh..opq'

/** The name that a layer has in place of a removed path. */
export function whiteoutOf(path: string): string {
  const slash = path.lastIndexOf('/') + 1
  return `${path.slice(0, slash)}${prefix}${path.slice(slash)}`
}

/** What a layer's path says beside itself; undefined for an ordinary one. */
export function readWhiteout(path: string): { readonly kind: 'remove' | 'hide'; readonly path: string } | undefined {
  const slash = path.lastIndexOf('/') + 1
  const name = path.slice(slash)
  if (!name.startsWith(prefix)) return undefined
  if (name === opaque) return { kind: 'hide', path: path.slice(0, Math.max(0, slash - 1)) }
  // AUFS kept notes of its own under .wh..wh.*; they speak of no file.
  if (name.startsWith(`${prefix}${prefix}`)) return { kind: 'remove', path: '' }
  return { kind: 'remove', path: path.slice(0, slash) + name.slice(prefix.length) }
}
