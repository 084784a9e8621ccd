import type { ImageContents } from '../../src/api/index.ts'
import type { LayerEntry, LayerIndex } from '../../src/files/layer/index.ts'
import { type InspectedImage, listContents } from '../../src/inspection/index.ts'
import { mediaTypes } from '../../src/oci/index.ts'
import { sha256 } from '../../src/support/index.ts'

/** What a layer has at a path: a file of a size with contents that are told apart by a text, or any entry. */
export type Given = readonly [size: number, contents?: string] | Partial<LayerEntry>

/** An index as a layer of these entries has; `etc/` is a directory, `.wh.` is not needed: `{ kind: 'remove' }`. */
export function layerIndexOf(number: number, entries: Readonly<Record<string, Given>>): LayerIndex {
  return {
    ...{ diffId: sha256(`layer ${number}`), size: 1024 },
    entries: Object.entries(entries).map(([path, given]): LayerEntry => {
      const isDirectory = path.endsWith('/')
      const base = {
        mode: isDirectory ? 0o755 : 0o644,
        uid: 0,
        gid: 0,
        mtime: 1_700_000_000,
        mtimeNs: 0,
        size: 0,
        at: 0,
      }
      const name = isDirectory ? path.slice(0, -1) : path
      if (!('length' in given))
        return { ...base, path: name, kind: isDirectory ? 'directory' : 'file', runs: [], ...given }
      const [size, contents = `${path} in ${number}`] = given as readonly [number, string?]
      return { ...base, path: name, kind: 'file', size, runs: [], digest: sha256(contents) }
    }),
  }
}

export function inspectedImage(indexes: readonly LayerIndex[], instructions: readonly string[] = []): InspectedImage {
  const config = { mediaType: mediaTypes.config, digest: sha256('config'), size: 1 }
  return {
    name: 'app:1',
    root: { mediaType: mediaTypes.manifest, digest: sha256('manifest'), size: 1 },
    manifest: { mediaType: mediaTypes.manifest, config, layers: [] } as unknown as InspectedImage['manifest'],
    config: {
      platform: { os: 'linux', architecture: 'amd64' },
      ...{ config: { Cmd: ['/bin/app'], User: 'app' }, diffIds: indexes.map(({ diffId }) => diffId) },
      ...{ history: instructions.map((created_by) => ({ created_by })), rest: {} },
    },
    layers: indexes.map((index, i) => ({
      ...{ index, path: '/nowhere', blob: { mediaType: mediaTypes.layer, digest: index.diffId, size: index.size } },
      createdBy: instructions[i] ?? `COPY ${i + 1} /`,
    })),
  }
}

/** What `images.contents` says of an image with these layers. */
export function exploredImage(
  layers: readonly Readonly<Record<string, Given>>[],
  instructions?: readonly string[],
): ImageContents {
  const indexes = layers.map((entries, i) => layerIndexOf(i + 1, entries))
  return listContents(inspectedImage(indexes, instructions)).contents
}
