import type { DocumentOptions } from '../../api/index.ts'
import type { Source } from '../../content/index.ts'
import type { StoreEntry } from '../../content/store/index.ts'
import type { Host } from '../../images/index.ts'
import { pulledAsWithin, readCompressed, readWhole } from '../../images/index.ts'
import { choosePlatforms } from '../../images/rewrite/index.ts'
import { openImage, parseTransport, type Transport } from '../../images/transports/index.ts'
import {
  type Descriptor,
  type Digest,
  isIndexType,
  kindOfDocument,
  normalizePlatform,
  parseDocument,
  parseImageConfig,
  parsePlatform,
} from '../../oci/index.ts'

/** Returns the digest that a name points to, in its registry or another transport. */
export async function readDigest(host: Host, options: DocumentOptions): Promise<Digest> {
  return withChosen(host, options, false, async (_, chosen) => chosen.digest)
}

/** Returns the manifest or index that a name points to, verbatim. */
export async function readManifest(host: Host, options: DocumentOptions): Promise<string> {
  const what = `the manifest of ${options.name}`
  return withChosen(host, options, false, async (source, chosen) => {
    const bytes = await readWhole(source, chosen, what)
    kindOfDocument(parseDocument(bytes, what), what, chosen.mediaType)
    return bytes.toString('utf8')
  })
}

/** Returns an image's config, verbatim. A config belongs to one platform: without `platform`, this machine's. */
export async function readConfig(host: Host, options: DocumentOptions): Promise<string> {
  return withChosen(host, options, true, async (source, chosen) => {
    const { configBytes } = await readCompressed(source, chosen, options.name)
    parseImageConfig(configBytes, `the config of ${options.name}`)
    return configBytes.toString('utf8')
  })
}

/** Reads from the transport with the chosen manifest or index; for an image of the store, with the registry's form. */
async function withChosen<T>(
  host: Host,
  options: DocumentOptions,
  ofImage: boolean,
  read: (source: Source, chosen: Descriptor) => Promise<T>,
): Promise<T> {
  const { name, local = false } = options
  const transport: Transport = local ? { kind: 'store', text: name.replace(/^store:/, '') } : parseTransport(name)
  const asked =
    options.platform === undefined ? undefined : normalizePlatform(parsePlatform(options.platform, host.platform))
  const { source, root, entry, close } = await openImage(host, transport, options)
  try {
    const platform = asked ?? (ofImage && isIndexType(root.mediaType) ? host.platform : undefined)
    const chosen = (await choosePlatforms(source, root, platform === undefined ? [] : [platform], name)).root
    return await read(source, entry === undefined || ofImage ? chosen : asKnown(host, entry, chosen))
  } finally {
    await close()
  }
}

/** For an image of the store, returns the registry's form, which others know. */
function asKnown({ store }: Host, entry: StoreEntry, chosen: Descriptor): Descriptor {
  const known = pulledAsWithin(store, entry, chosen)
  const shown = chosen.digest === entry.manifest.digest ? known?.root : known?.manifest
  return shown !== undefined && store.blobs.has(shown.digest) ? shown : chosen
}
