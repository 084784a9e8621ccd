/** The part of a file's stat that changes whenever its content does. Times in milliseconds since 1970. */
export interface Sight {
  readonly size: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  readonly ino: number
}

type Digest = `sha256:${string}`
type Row = readonly [name: string, size: number, mtimeMs: number, ctimeMs: number, ino: number, digest: Digest]

const format = 2

/**
 * Remembers the content digest of each file of a context by its stat, like git's index, so that an unchanged context is not read
 * again. Rows are kept in parsed form: there may be tens of thousands, and most are only compared.
 */
export class ContextMemory {
  private readonly load: () => string | undefined
  private loaded: Map<string, readonly Row[]> | undefined
  private readonly opened = new Map<string, Map<string, Row>>()
  private changed = false

  /** `load` returns what `encode` returned last time; it is called when first needed. */
  constructor(load: () => string | undefined) {
    this.load = load
  }

  /** Returns the file's digest if its stat is unchanged; `folder` is relative to the context, '' for its root. */
  recall(folder: string, name: string, sight: Sight): Digest | undefined {
    const row = this.folder(folder).get(name)
    if (row === undefined) return undefined
    const same = row[1] === sight.size && row[2] === sight.mtimeMs && row[3] === sight.ctimeMs && row[4] === sight.ino
    return same ? row[5] : undefined
  }

  /**
   * Remembers a file's digest, unless it changed so shortly before `seen` (ms since 1970) that a later change might go unnoticed.
   */
  learn(folder: string, name: string, { size, mtimeMs, ctimeMs, ino }: Sight, digest: Digest, seen: number): void {
    // The resolution of timestamps: whole seconds, or the kernel's tick of a few milliseconds.
    const tick = mtimeMs % 1000 === 0 && ctimeMs % 1000 === 0 ? 2000 : 50
    if (Math.max(ctimeMs, mtimeMs <= seen ? mtimeMs : 0) + tick > seen) return
    this.folder(folder).set(name, [name, size, mtimeMs, ctimeMs, ino, digest])
    this.changed = true
  }

  /** Forgets files of the folder that no longer exist. */
  keepOnly(folder: string, names: { has(name: string): boolean }): void {
    const files = this.folder(folder)
    for (const name of files.keys()) {
      if (names.has(name)) continue
      files.delete(name)
      this.changed = true
    }
  }

  /** Returns the text to save; undefined if nothing changed. */
  encode(): string | undefined {
    if (!this.changed) return undefined
    const folders = new Map<string, readonly Row[]>(this.all())
    for (const [folder, files] of this.opened) folders.set(folder, [...files.values()])
    return JSON.stringify({ format, folders: [...folders].filter(([, rows]) => rows.length > 0) })
  }

  private folder(folder: string): Map<string, Row> {
    let files = this.opened.get(folder)
    if (files === undefined) {
      files = new Map((this.all().get(folder) ?? []).map((row) => [row[0], row]))
      this.opened.set(folder, files)
    }
    return files
  }

  private all(): Map<string, readonly Row[]> {
    this.loaded ??= decode(this.load())
    return this.loaded
  }
}

function decode(text: string | undefined): Map<string, readonly Row[]> {
  if (text === undefined) return new Map()
  try {
    const raw = JSON.parse(text) as { format: number; folders: [string, Row[]][] }
    return new Map(raw.format === format ? raw.folders : [])
  } catch {
    return new Map()
  }
}
