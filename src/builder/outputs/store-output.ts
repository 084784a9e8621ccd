import type { BuiltOutput, ImageOutput } from '../../api/index.ts'
import type { PulledAs } from '../../content/store/index.ts'
import { familiarName, formatReference, parseReference, type Reference } from '../../oci/index.ts'
import { completed } from './completed.ts'
import type { StoredDocuments } from './documents.ts'
import type { OutputWork, PreparedOutput } from './types.ts'

/** What an image in the store needs to be told besides its names. */
export type StoreForm = Pick<ImageOutput, 'unpack' | 'canonicalName' | 'danglingPrefix'>

/** An image with its names in the store. Layers that are missing there are fetched now if `unpack` is set. */
export async function prepareStored(
  { unpack = false, canonicalName = false, danglingPrefix }: StoreForm,
  names: readonly Reference[],
  documents: StoredDocuments,
  work: OutputWork,
): Promise<PreparedOutput> {
  const { host, basedOn, pushedAs } = work
  const root = unpack ? await completed(documents.root, work) : documents.root
  const all = [
    ...names,
    ...(canonicalName ? names.map(({ tag: _, ...name }) => ({ ...name, digest: root.digest })) : []),
    ...(names.length === 0 && danglingPrefix !== undefined ? [dangling(danglingPrefix, root.digest)] : []),
  ]
  const publish = async (): Promise<readonly BuiltOutput[]> => {
    const before = host.store.entries().find(({ manifest }) => manifest.digest === root.digest)?.pulledAs
    const keep = (some: readonly Reference[], pulledAs: PulledAs | undefined) =>
      host.store.keep(root, some, host.now(), { basedOn, pulledAs })
    // A name that was pushed is known by what the registry has under it.
    const plain = all.filter((name) => !pushedAs.has(formatReference(name)))
    if (plain.length > 0 || all.length === 0) await keep(plain, before)
    for (const name of all) {
      const pulledAs = pushedAs.get(formatReference(name))
      if (pulledAs !== undefined) await keep([name], pulledAs)
    }
    const { digest, mediaType, size } = root
    const made = { kind: 'image' as const, digest, mediaType, size }
    return all.length === 0 ? [{ ...made, to: digest }] : all.map((name) => ({ ...made, to: familiarName(name) }))
  }
  const what = `the image ${all.map(familiarName).join(', ') || 'without a name'} in the store`
  return { what, publish, discard: async () => {} }
}

function dangling(prefix: string, digest: Reference['digest']): Reference {
  const { tag: _, ...name } = parseReference(prefix)
  return { ...name, digest: digest! }
}
