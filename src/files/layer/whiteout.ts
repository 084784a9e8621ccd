// The only file that knows how a layer marks removed files. (image-spec, layer.md, "Whiteouts")

const prefix = '.wh.'
const opaque = '.wh..wh..opq'

/** Returns the name of the whiteout for a path. */
export function whiteoutOf(path: string): string {
  const slash = path.lastIndexOf('/') + 1
  return `${path.slice(0, slash)}${prefix}${path.slice(slash)}`
}

/** Returns what a special path in a layer means; undefined for an ordinary path. */
export function readWhiteout(path: string): { readonly kind: 'remove' | 'hide'; readonly path: string } | undefined {
  const slash = path.lastIndexOf('/') + 1
  const name = path.slice(slash)
  if (!name.startsWith(prefix)) return undefined
  if (name === opaque) return { kind: 'hide', path: path.slice(0, Math.max(0, slash - 1)) }
  // AUFS metadata (.wh..wh.*) does not refer to files.
  if (name.startsWith(`${prefix}${prefix}`)) return { kind: 'remove', path: '' }
  return { kind: 'remove', path: path.slice(0, slash) + name.slice(prefix.length) }
}
