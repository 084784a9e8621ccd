import { createHash } from 'node:crypto'
import { join } from 'node:path'
import {
  type LayerEntry,
  type PackerOptions,
  type StoredLayer,
  sameContent,
  streamLayer,
} from '../../../files/layer/index.ts'
import { encodeHeader, endOfArchive, type TarHeader } from '../../../files/tar/index.ts'
import { compareTrees, type Directory, type Node, Tree } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import type { Machine, ProgramInput } from '../machine/index.ts'
import { findProgram, runProgram } from '../machine/index.ts'

/** How an unpacked directory marks removed names: like an overlay's layer. */
export interface Marks {
  readonly opaque: 'trusted.overlay.opaque' | 'user.overlay.opaque'
}

export type DifferenceOptions = Partial<Pick<PackerOptions, 'unlike' | 'exactTimes' | 'digests'>>

/** Extracts layers with GNU tar, with the machine's ID mapping. */
export class Extractor {
  private readonly machine: Machine

  constructor(machine: Machine) {
    this.machine = machine
  }

  /**
   * Extracts the layer's files to an empty directory, with markers for what it removes. Returns what the machine does not allow
   * creating: devices, and owners beyond the mapped IDs. Throws `UNPACK_FAILED`.
   */
  async layer(at: StoredLayer, directory: string): Promise<readonly string[]> {
    const marks = this.marksOf(at.index.entries)
    // Markers first: the layer's own entries then set the right directory times.
    if (marks.length > 0) await this.archive(marks, directory)
    return this.tar(['--file', at.path, '--exclude=.wh.*'], directory)
  }

  /**
   * The same for the differences between the trees. `unlike` is called for a file whose content is no longer what its digest says;
   * with `exactTimes`, times are not those of a layer, but have nanoseconds; with `digests`, unknown digests of these files are learnt.
   */
  async difference(
    below: Tree,
    here: Tree,
    directory: string,
    options: DifferenceOptions = {},
  ): Promise<readonly string[]> {
    const differences = compareTrees(below.root, here.root, sameContent)
    const marks = differences.flatMap(({ kind, path }) => (kind === 'remove' ? [removed(path)] : []))
    if (marks.length > 0) await this.archive(marks, directory)
    const puts = differences.filter(({ kind }) => kind !== 'remove')
    return this.tar(['--file', '-'], directory, (stdin) => streamLayer(puts, stdin, options))
  }

  /**
   * Extracts a directory's files to another one, replacing files of the same names; existing directories are kept and get the new
   * metadata.
   */
  async contents({ children }: Directory, directory: string, options?: DifferenceOptions): Promise<readonly string[]> {
    return this.difference(Tree.empty, new Tree({ ...Tree.empty.root, children }), directory, options)
  }

  /** Extracts a file or directory, with its exact times, to a directory under a fixed name. Returns its path. */
  async source(node: Node, directory: string, options: DifferenceOptions = {}): Promise<string> {
    const root = { ...Tree.empty.root, children: new Map([['source', dated(node)]]) }
    await this.contents(root, directory, { ...options, exactTimes: true })
    return join(directory, 'source')
  }

  /** Extracts entries without bodies to the directory. */
  async archive(headers: readonly TarHeader[], directory: string): Promise<readonly string[]> {
    return this.tar(
      ['--file', '-'],
      directory,
      Buffer.concat([...headers.map((header) => encodeHeader(header)), endOfArchive]),
    )
  }

  private async tar(source: readonly string[], directory: string, input?: ProgramInput): Promise<readonly string[]> {
    const tar = findProgram('tar')
    if (tar === undefined)
      throw new TareError('TAR_MISSING', 'RUN needs GNU tar, and tar is not installed', {
        remedy: 'Install it: apt-get install tar, apk add tar, dnf install tar.',
      })
    const { code, stderr } = await runProgram(
      [
        ...this.machine.enter([]),
        tar,
        // Otherwise a backslash in one of our paths would start an escape sequence.
        '--no-unquote',
        ...['--extract', '--directory', directory, ...source],
        ...['--same-owner', '--numeric-owner', '--same-permissions', '--delay-directory-restore'],
        ...['--xattrs', '--xattrs-include=security.capability', `--xattrs-include=${this.opaque}`],
        ...['--warning=no-timestamp', '--warning=no-unknown-keyword'],
      ],
      input,
    )
    if (code === 0) return []
    const lines = stderr
      .split('\n')
      .filter((line) => line !== '' && !/Exiting with failure status|Error is not recoverable/.test(line))
    const wrong = lines.filter((line) => !tolerable.test(line))
    if (wrong.length > 0 || lines.length === 0) {
      throw new TareError('UNPACK_FAILED', `cannot unpack a layer: ${wrong[0] ?? `tar ended with ${code}`}`, {
        remedy: /unrecognized option|invalid option/.test(stderr)
          ? 'This tar is not GNU tar: install GNU tar (apk add tar).'
          : /No space left/.test(stderr)
            ? 'Free some space, or set TARE_HOME to a folder on another disk.'
            : undefined,
      })
    }
    return lines
  }

  private get opaque(): Marks['opaque'] {
    return this.machine.userxattr ? 'user.overlay.opaque' : 'trusted.overlay.opaque'
  }

  private marksOf(entries: readonly LayerEntry[]): TarHeader[] {
    const directories = new Map(entries.filter(({ kind }) => kind === 'directory').map((entry) => [entry.path, entry]))
    return entries.flatMap(({ path, kind }): TarHeader[] => {
      const directory = directories.get(path)
      // A directory of this layer takes the place of what is removed, and shows nothing of it.
      if (kind === 'remove' && directory === undefined) return [removed(path)]
      if (kind !== 'remove' && kind !== 'hide') return []
      const { mode, uid, gid, mtime } = directory ?? { ...plain, mode: 0o755 }
      return [
        {
          ...plain,
          path: `${path}/`,
          kind: 'directory',
          mode,
          uid,
          gid,
          mtime,
          xattrs: new Map([[this.opaque, Buffer.from('y')]]),
        },
      ]
    })
  }
}

function removed(path: string): TarHeader {
  return { ...plain, path, kind: 'char', mode: 0, deviceMajor: 0, deviceMinor: 0 }
}

const plain = { uid: 0, gid: 0, mtime: 0, mtimeNs: 0, size: 0 }

// Only the machine's root can create these; the tree in memory has them anyway.
const tolerable =
  /Cannot mknod|Cannot change ownership|Cannot set .*security\.capability|Cannot hard link|Cannot setxattr|setxattr/

/**
 * Whether the layer contains the parents and the bytes of all its entries, so that it can be unpacked without knowing the layers
 * below. A path that is a directory in one of its entries and something else in another needs the tree: tar puts nothing in the place of a
 * directory, and what is removed from that must wait for it.
 */
export function standsAlone(entries: readonly LayerEntry[]): boolean {
  const directories = new Set<string>([''])
  const others = new Set<string>()
  const hasMarks = entries.some(({ kind }) => kind === 'remove' || kind === 'hide')
  for (const { path, kind, runs, at } of entries) {
    if (kind === 'touch') continue
    // A hard link to a note of AUFS, which is not extracted.
    if (runs.length > 0 && runs[0]!.at < at) return false
    const slash = path.lastIndexOf('/')
    if (!directories.has(slash < 0 ? '' : path.slice(0, slash))) return false
    if (kind === 'directory') {
      if (others.has(path)) return false
      directories.add(path)
    } else if (kind !== 'remove' && kind !== 'hide') {
      if (directories.has(path)) return false
      if (hasMarks) others.add(path)
    }
  }
  return true
}

/** Returns a directory name for a key of any length. */
export function shortName(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 24)
}

/** Gives a context's root a time: it has none of its own. (Its children are not read until they are requested.) */
export function dated<N extends Node>(node: N, time = Math.floor(Date.now() / 1000)): N | Directory {
  if (node.kind !== 'directory' || !Number.isNaN(node.mtime)) return node
  const { kind, mode, uid, gid, children, outline } = node
  const dated = { kind, mode, uid, gid, mtime: time, mtimeNs: 0, children }
  return outline === undefined ? dated : { ...dated, outline }
}
