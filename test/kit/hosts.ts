import { join } from 'node:path'
import type { BuildOptions, BuildResult } from '../../src/api/index.ts'
import { Store } from '../../src/content/store/index.ts'
import type { Host } from '../../src/images/host.ts'
import type { Digest } from '../../src/oci/index.ts'
import { build } from '../../src/verbs/build/build.ts'
import { temporaryFolder, writeFiles } from './cli.ts'

// The outside of a verb, small: a store of its own and a clock that goes on by an hour when it is told to.

export interface HostBench {
  readonly host: Host
  readonly store: Store
  /** The context of builds. */
  readonly folder: string
  /** Sets the clock on by an hour. */
  later(): void
  /** Builds the lines; `files` are written into the context before. */
  build(
    tag: string | undefined,
    lines: readonly string[],
    more?: Partial<BuildOptions> & { files?: Readonly<Record<string, string>> },
  ): Promise<BuildResult>
  /** Digests of all blobs. */
  blobs(): Digest[]
}

export function hostBench(environment: Host['environment'] = {}): HostBench {
  const place = temporaryFolder()
  const store = new Store(join(place, 'home'))
  const folder = writeFiles(join(place, 'context'), {})
  let time = Date.parse('2026-01-01T00:00:00Z')
  const host: Host = {
    store,
    platform: { os: 'linux', architecture: 'amd64' },
    environment,
    now: () => new Date(time),
  }
  return {
    host,
    store,
    folder,
    later: () => {
      time += 3_600_000
    },
    build: (tag, lines, { files = {}, ...more } = {}) => {
      writeFiles(folder, files)
      return build(host, {
        context: { kind: 'directory', path: folder },
        dockerfile: { text: lines.join('\n') },
        ...(tag === undefined ? {} : { tags: [tag] }),
        ...more,
      })
    },
    blobs: () => store.blobs.all().map(({ digest }) => digest),
  }
}
