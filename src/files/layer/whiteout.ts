// The only file that knows how a layer marks removed files. (image-spec, layer.md, "Whiteouts")

const prefix = '.wh.'
const opaque = '.wh..wh..opq'
const aufs = '.wh..wh.'
const notes = /^\.wh\.(\.?\.?|\.wh\.(?!\.opq$).*)$/s

/** Returns the name of the whiteout for a path. */
export function whiteoutOf(path: string): string {
  const slash = path.lastIndexOf('/') + 1
  return `${path.slice(0, slash)}${prefix}${path.slice(slash)}`
}

/** Whether an entry is nothing of the image's: a note of AUFS, or a whiteout that names nothing. */
export function isNote(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return (path.startsWith(aufs) && path !== opaque) || notes.test(name)
}

/**
 * Returns what a special path in a layer marks: the name in the directory as removed or, without a name, the directory as opaque.
 * Undefined for an ordinary path.
 */
export function readWhiteout(path: string): { readonly directory: string; readonly name?: string } | undefined {
  const slash = path.lastIndexOf('/') + 1
  const name = path.slice(slash)
  if (!name.startsWith(prefix)) return undefined
  const directory = path.slice(0, Math.max(0, slash - 1))
  return name === opaque ? { directory } : { directory, name: name.slice(prefix.length) }
}
