/** A file found in a directory on disk, as plain data. */
export interface WalkedFile {
  /** Bytes as latin1. */
  readonly name: string
  readonly kind: 'file' | 'directory' | 'symlink' | 'char' | 'block' | 'fifo'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: number
  readonly mtimeNs: number
  readonly size: number
  /** When anything about it last changed, in milliseconds since 1970. */
  readonly changed: number
  /** Identifies a file with several names. */
  readonly inode?: string
  readonly target?: string
  readonly device?: readonly [major: number, minor: number]
  readonly children?: readonly WalkedFile[]
  /** Additional names shown by the directory: those of the layers below. */
  readonly shown?: readonly string[]
  /** Names of sockets in the directory, which are meaningless after their processes have ended. */
  readonly sockets?: readonly string[]
  /** Whether it is large and nearly all of it is holes. */
  readonly sparse?: boolean
  /** The content's position in the file of contents that could not be read in place. */
  readonly aside?: number
}

/**
 * Lists everything in the directory `upper`, and the additional names in `merged`, which shows it on top of others. With `aside`,
 * contents that only root may read are copied to that file, except those of sparse files. Also runs as text in a process of its own, so it must be
 * self-contained.
 */
export function walk(upper: string, merged: string | undefined, aside?: string): WalkedFile[] {
  const fs = process.getBuiltinModule('node:fs')
  const billion = 1_000_000_000n
  let at = 0
  const fd = aside === undefined ? -1 : fs.openSync(aside, 'w', 0o600)
  const join = (directory: Buffer, name: Buffer) => Buffer.concat([directory, Buffer.from('/'), name])
  const copy = (path: Buffer, size: number): number => {
    const from = fs.openSync(path, 'r')
    const start = at
    const buffer = Buffer.allocUnsafe(1 << 20)
    const zeros = Buffer.alloc(buffer.length)
    for (let position = 0; position < size; ) {
      const count = fs.readSync(from, buffer, 0, Math.min(buffer.length, size - position), position)
      if (count === 0) break
      // Holes are preserved: zeros that are not written read as zeros too.
      if (buffer.compare(zeros, 0, count, 0, count) !== 0)
        for (let done = 0; done < count; ) done += fs.writeSync(fd, buffer, done, count - done, at + done)
      position += count
      at += count
    }
    fs.closeSync(from)
    at = start + size
    return start
  }
  const list = (
    upper: Buffer,
    merged: Buffer | undefined,
    open: boolean,
  ): { children: WalkedFile[]; shown: string[]; sockets?: string[] } => {
    const names = fs.readdirSync(upper, { encoding: 'buffer' })
    const own = new Set(names.map((name) => name.toString('latin1')))
    const all =
      merged === undefined ? [] : fs.readdirSync(merged, { encoding: 'buffer' }).map((name) => name.toString('latin1'))
    const children: WalkedFile[] = []
    const sockets: string[] = []
    for (const name of names) {
      const path = join(upper, name)
      const stat = fs.lstatSync(path, { bigint: true })
      const kind = stat.isFile()
        ? 'file'
        : stat.isDirectory()
          ? 'directory'
          : stat.isSymbolicLink()
            ? 'symlink'
            : stat.isCharacterDevice()
              ? 'char'
              : stat.isBlockDevice()
                ? 'block'
                : stat.isFIFO()
                  ? 'fifo'
                  : undefined
      if (kind === undefined) {
        sockets.push(name.toString('latin1'))
        continue
      }
      const ns = ((stat.mtimeNs % billion) + billion) % billion
      const mode = Number(stat.mode) & 0o7777
      const rdev = Number(stat.rdev)
      const mine = aside === undefined || stat.uid === BigInt(0)
      const below = open && (mine ? (mode & 0o500) === 0o500 : (mode & 0o5) === 0o5)
      const inner =
        kind === 'directory'
          ? list(
              path,
              merged === undefined || !all.includes(name.toString('latin1')) ? undefined : join(merged, name),
              below,
            )
          : undefined
      const readable = open && (mine ? (mode & 0o400) !== 0 : (mode & 0o4) !== 0)
      // From 256 MB on, if less than a sixteenth is on the disk.
      const sparse = kind === 'file' && stat.size >= 1n << 28n && stat.blocks * 512n * 16n < stat.size
      children.push({
        name: name.toString('latin1'),
        kind,
        mode,
        uid: Number(stat.uid),
        gid: Number(stat.gid),
        mtime: Number((stat.mtimeNs - ns) / billion),
        mtimeNs: Number(ns),
        size: kind === 'file' ? Number(stat.size) : 0,
        changed: Number(stat.ctimeMs),
        ...(sparse ? { sparse } : {}),
        ...(kind !== 'directory' && stat.nlink > 1n ? { inode: `${stat.dev}:${stat.ino}` } : {}),
        ...(kind === 'symlink' ? { target: fs.readlinkSync(path, { encoding: 'buffer' }).toString('latin1') } : {}),
        ...(kind === 'char' || kind === 'block'
          ? { device: [Math.floor(rdev / 256) % 4096, (rdev % 256) + Math.floor(rdev / 1048576) * 256] as const }
          : {}),
        ...(inner === undefined ? {} : inner),
        ...(aside !== undefined && kind === 'file' && !readable && !sparse && stat.size > 0n
          ? { aside: copy(path, Number(stat.size)) }
          : {}),
      })
    }
    const shown = all.filter((name) => !own.has(name))
    return sockets.length === 0 ? { children, shown } : { children, shown, sockets }
  }
  const root = list(Buffer.from(upper), merged === undefined ? undefined : Buffer.from(merged), true)
  if (fd >= 0) {
    fs.ftruncateSync(fd, at)
    fs.closeSync(fd)
  }
  return [
    {
      name: '',
      kind: 'directory',
      mode: 0,
      uid: 0,
      gid: 0,
      mtime: 0,
      mtimeNs: 0,
      size: 0,
      changed: 0,
      ...root,
    },
  ]
}
