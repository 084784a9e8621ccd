import type { Stats } from 'node:fs'

/** What a file looked like when its content was last read: if it still does, the content is the same. */
interface Sight {
  readonly size: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  readonly ino: number
  readonly digest: `sha256:${string}`
}

type Row = readonly [name: string, size: number, mtimeMs: number, ctimeMs: number, ino: number, digest: string]

const format = 1

/**
 * Which content each file of a context had, by what a stat of it says, as git's index does: a context that has not
 * changed is not read again.
 */
export class ContextMemory {
  private readonly load: () => string | undefined
  private loaded: Map<string, Map<string, Sight>> | undefined
  private changed = false

  /** `load` gives what `encode` gave the last time; it is called when the memory is first needed. */
  constructor(load: () => string | undefined) {
    this.load = load
  }

  private get folders(): Map<string, Map<string, Sight>> {
    this.loaded ??= decode(this.load())
    return this.loaded
  }

  /** The digest of the file if it looks as it did; `folder` is relative to the context, '' for its root. */
  recall(folder: string, name: string, stat: Stats): `sha256:${string}` | undefined {
    const sight = this.folders.get(folder)?.get(name)
    if (sight === undefined) return undefined
    const same =
      sight.size === stat.size &&
      sight.mtimeMs === stat.mtimeMs &&
      sight.ctimeMs === stat.ctimeMs &&
      sight.ino === stat.ino
    return same ? sight.digest : undefined
  }

  /** Remembers the file's digest, unless it changed so shortly before `seen` (ms since 1970) that a later change might not show. */
  learn(folder: string, name: string, stat: Stats, digest: `sha256:${string}`, seen: number): void {
    const { size, mtimeMs, ctimeMs, ino } = stat
    // A clock that ticks in whole seconds, or the kernel's own tick of a few milliseconds.
    const tick = mtimeMs % 1000 === 0 && ctimeMs % 1000 === 0 ? 2000 : 50
    if (Math.max(ctimeMs, mtimeMs <= seen ? mtimeMs : 0) + tick > seen) return
    const files = this.folders.get(folder) ?? new Map<string, Sight>()
    this.folders.set(folder, files)
    files.set(name, { size, mtimeMs, ctimeMs, ino, digest })
    this.changed = true
  }

  /** Forgets files of the folder that are no longer there. */
  keepOnly(folder: string, names: { has(name: string): boolean }): void {
    const files = this.folders.get(folder)
    if (files === undefined) return
    for (const name of files.keys()) {
      if (names.has(name)) continue
      files.delete(name)
      this.changed = true
    }
  }

  /** What to keep for the next time; undefined where nothing is new. */
  encode(): string | undefined {
    if (!this.changed) return undefined
    const folders = [...this.folders].map(([folder, files]) => [
      folder,
      [...files].map(
        ([name, { size, mtimeMs, ctimeMs, ino, digest }]): Row => [
          name,
          size,
          mtimeMs,
          ctimeMs,
          ino,
          digest.slice('sha256:'.length),
        ],
      ),
    ])
    return JSON.stringify({ format, folders })
  }
}

function decode(text: string | undefined): Map<string, Map<string, Sight>> {
  if (text === undefined) return new Map()
  try {
    const raw = JSON.parse(text) as { format: number; folders: [string, Row[]][] }
    if (raw.format !== format) return new Map()
    return new Map(
      raw.folders.map(([folder, rows]) => [
        folder,
        new Map(
          rows.map(([name, size, mtimeMs, ctimeMs, ino, hex]) => [
            name,
            { size, mtimeMs, ctimeMs, ino, digest: `sha256:${hex}` as const },
          ]),
        ),
      ]),
    )
  } catch {
    return new Map()
  }
}
