import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, type ProcessFiles, privately } from '../../disk/index.ts'
import { explainWriteFailure } from './failures.ts'

/**
 * What is remembered, by kind:
 * - `layers`: what is in a layer, by its diffId
 * - `steps`: what a step made, by its cache key
 * - `latest`: the last layer that a step of this form made, whatever its files held
 * - `contexts`: which file had which content, by the context's folder
 * - `origins`: how a layer is compressed in registries, and where, by its diffId
 * - `downloads`: what a file of the web was, by the digest of its address
 * - `originals`: which manifest of a registry an image is, by the manifest in the store; as earlier versions left it
 * - `bases`: what a build read of a base in a registry, by its name and platform
 * - `inspected`: that a layer was unpacked to look into an image, by its diffId
 */
export type RecordKind =
  | 'layers'
  | 'inspected'
  | 'steps'
  | 'latest'
  | 'contexts'
  | 'origins'
  | 'downloads'
  | 'originals'
  | 'bases'

/** Small texts by kind and key (64 hex digits), complete or not there. Losing one costs time, nothing else. */
export class Records {
  private readonly home: string
  private readonly folder: string
  private readonly scratch: ProcessFiles

  constructor(home: string, folder: string, scratch: ProcessFiles) {
    this.home = home
    this.folder = folder
    this.scratch = scratch
  }

  recall(kind: RecordKind, key: string): string | undefined {
    try {
      return readFileSync(this.path(kind, key), 'utf8')
    } catch {
      return undefined
    }
  }

  recallBytes(kind: RecordKind, key: string): Buffer | undefined {
    try {
      return readFileSync(this.path(kind, key))
    } catch {
      return undefined
    }
  }

  remember(kind: RecordKind, key: string, bytes: string | Uint8Array): void {
    try {
      makeFolder(join(this.folder, kind), privately)
      this.scratch.place(bytes, this.path(kind, key))
    } catch (error) {
      throw explainWriteFailure(error, this.home)
    }
  }

  forget(kind: RecordKind, key: string): void {
    rmSync(this.path(kind, key), { force: true })
  }

  all(kind: RecordKind): { readonly key: string; readonly size: number; readonly since: number }[] {
    try {
      return readdirSync(join(this.folder, kind)).flatMap((key) => {
        const stat = statSync(this.path(kind, key), { throwIfNoEntry: false })
        return stat === undefined ? [] : [{ key, size: stat.size, since: stat.mtimeMs }]
      })
    } catch {
      return []
    }
  }

  private path(kind: RecordKind, key: string): string {
    return join(this.folder, kind, key)
  }
}
