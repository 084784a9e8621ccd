import type { ArchiveOutput, BuiltOutput, ImageForm, ImageOutput } from '../../api/index.ts'
import { formatReference } from '../../oci/index.ts'
import { messageOf, TareError } from '../../support/index.ts'
import type { AttestedForm } from './attest-output.ts'
import { type StoredDocuments, storeDocuments } from './documents.ts'
import { prepareStored, type StoreForm } from './store-output.ts'
import type { OutputWork, PreparedOutput, ResolvedOutput } from './types.ts'

/**
 * Makes all outputs: prepares each, then makes them visible in this order: files, names in the store, names in registries. If one
 * fails while it becomes visible, the error says which are there. What only some builds need is loaded by those.
 */
export async function makeOutputs(
  outputs: readonly ResolvedOutput[],
  work: OutputWork,
): Promise<readonly BuiltOutput[]> {
  const files: PreparedOutput[] = []
  const stored: PreparedOutput[] = []
  const pushes: PreparedOutput[] = []
  const all = () => [...files, ...stored, ...pushes]
  try {
    // What is pushed is known to the store's names, which come before it.
    for (const resolved of outputs) {
      work.signal.throwIfAborted()
      const { output, names } = resolved
      if (output.kind === 'local') {
        const { prepareLocal } = await import('./local/local-output.ts')
        files.push(await told('exporting to client directory', work, () => prepareLocal(output, names, work)))
      }
      if (output.kind === 'tar') {
        const { prepareTar } = await import('./tar-output.ts')
        files.push(await told('exporting to client tarball', work, () => prepareTar(output, names, work)))
      }
    }
    const named = new Set<string>()
    for (const resolved of outputs) {
      work.signal.throwIfAborted()
      const { output, annotations, names } = resolved
      if (output.kind !== 'image' && output.kind !== 'archive') continue
      const documents = storeDocuments(work.host.store, work.images, annotations)
      const form = formOf(output, documents)
      if (output.kind === 'archive') {
        const { prepareArchive } = await import('./archive-output.ts')
        const prepare = () => prepareArchive({ ...resolved, output }, documents, form, work)
        files.push(await told(`exporting to ${output.layout} image format`, work, prepare))
      }
      if (output.kind === 'image' && output.push === true) {
        const { preparePush } = await import('./push-output.ts')
        pushes.push(...(await preparePush(output, names, documents, form, work)))
      }
      const kept = await keptOf({ ...resolved, output }, documents, named, work)
      if (kept !== undefined) stored.push(kept)
      const { loader } = work
      if (loader !== undefined && output.kind === 'image' && output.load === true && names.length > 0) {
        const { prepareLoaded } = await import('./load-output.ts')
        const prepare = () => prepareLoaded(loader, names, documents, work)
        stored.push(await told(`importing to ${loader.name}`, work, prepare))
      }
    }
    work.signal.throwIfAborted()
  } catch (error) {
    for (const one of all()) await one.discard()
    throw error
  }
  return publish(all())
}

/** How an output holds statements, if there are any. */
function formOf(
  { attestationInline: inline = false, attestationArtifact: artifact = false }: ImageForm,
  { notes }: StoredDocuments,
): AttestedForm {
  return { inline, artifact, notes }
}

/** Shows work as a step. */
async function told<T>(title: string, { steps, signal }: OutputWork, work: () => Promise<T>): Promise<T> {
  const step = steps.start(title)
  try {
    const result = await work()
    step.done()
    return result
  } catch (error) {
    if (signal.aborted) step.canceled()
    else step.failed(messageOf(error))
    throw error
  }
}

/** Of several outputs with one name, the first has it in the store. */
async function keptOf(
  { output, names }: ResolvedOutput & { readonly output: ImageOutput | ArchiveOutput },
  documents: StoredDocuments,
  named: Set<string>,
  work: OutputWork,
): Promise<PreparedOutput | undefined> {
  if (output.kind === 'image' && output.store === false) return undefined
  const isElsewhere = output.kind === 'image' && output.byDigest === true
  const own = isElsewhere ? [] : names.filter((name) => !named.has(formatReference(name)))
  if (own.length === 0 && (names.length > 0 || named.has('')) && !isElsewhere) return undefined
  for (const name of own) named.add(formatReference(name))
  if (own.length === 0) named.add('')
  const form: StoreForm = output.kind === 'image' ? output : {}
  return prepareStored(isElsewhere ? { unpack: form.unpack } : form, own, documents, work)
}

async function publish(prepared: readonly PreparedOutput[]): Promise<readonly BuiltOutput[]> {
  const made: BuiltOutput[] = []
  for (const [i, one] of prepared.entries()) {
    try {
      made.push(...(await one.publish()))
    } catch (error) {
      for (const rest of prepared.slice(i)) await rest.discard()
      throw explain(error, prepared.slice(0, i), prepared.slice(i))
    }
  }
  return made
}

function explain(error: unknown, made: readonly PreparedOutput[], missing: readonly PreparedOutput[]): unknown {
  if (made.length + missing.length < 2) return error
  const list = (some: readonly PreparedOutput[]) => some.map(({ what }) => what).join('; ') || 'nothing'
  const message = `${messageOf(error)} (made: ${list(made)}; not made: ${list(missing)})`
  if (!(error instanceof TareError)) return error instanceof Error ? Object.assign(error, { message }) : error
  return new TareError(error.code, message, { remedy: error.remedy, where: error.where, cause: error })
}
