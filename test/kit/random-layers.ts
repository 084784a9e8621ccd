import fc from 'fast-check'
import type { LayerEntry, LayerIndex } from '../../src/files/layer/index.ts'
import { sha256 } from '../../src/support/index.ts'

const names = fc.constantFrom('a', 'b', 'c', 'é')
const path = fc.array(names, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const kind = fc.constantFrom(
  ...(['file', 'file', 'directory', 'directory', 'symlink', 'hardlink', 'fifo', 'char', 'remove', 'hide'] as const),
)
const target = fc.oneof(
  path,
  path.map((one) => `/${one}`),
  path.map((one) => `../${one}`),
)

/** Layers with entries that may contradict one another; each entry has a user of its own, so that it can be told from others. */
export const layersOfImage = fc
  .array(fc.array(fc.record({ path, kind, target }), { maxLength: 12 }), { maxLength: 5 })
  .map((all) => {
    let uid = 0
    return all.map(
      (entries, n): LayerIndex => ({
        ...{ diffId: sha256(`${n}`), size: 0 },
        entries: entries.map(
          ({ path, kind, target }): LayerEntry => ({
            ...{ path, kind, mode: 0o644, uid: ++uid, gid: 0, mtime: 0, mtimeNs: 0, size: 0, at: 0, runs: [] },
            ...(kind === 'symlink'
              ? { link: target }
              : kind === 'hardlink'
                ? { link: target.replace(/^[./]+/, '') }
                : {}),
          }),
        ),
      }),
    )
  })
