import type { DocumentOptions } from '../../api/index.ts'
import type { Source } from '../../content/index.ts'
import type { Entry } from '../../content/store/index.ts'
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

/** The digest that a name points at, in its registry or another place. */
export async function readDigest(host: Host, options: DocumentOptions): Promise<Digest> {
  return withChosen(host, options, false, async (_, chosen) => chosen.digest)
}

/** The manifest or index that a name points at, as it is there. */
export async function readManifest(host: Host, options: DocumentOptions): Promise<string> {
  const what = `the manifest of ${options.name}`
  return withChosen(host, options, false, async (source, chosen) => {
    const bytes = await readWhole(source, chosen, what)
    kindOfDocument(parseDocument(bytes, what), what, chosen.mediaType)
    return bytes.toString('utf8')
  })
}

/** An image's config, as it is there. A config is one platform's: where none is asked for, this machine's. */
export async function readConfig(host: Host, options: DocumentOptions): Promise<string> {
  return withChosen(host, options, true, async (source, chosen) => {
    const { configBytes } = await readCompressed(source, chosen, options.name)
    parseImageConfig(configBytes, `the config of ${options.name}`)
    return configBytes.toString('utf8')
  })
}

/** Reads from the place with the manifest or index that was meant; of an image of the store, the one that a registry has of it. */
async function withChosen<T>(
  host: Host,
  options: DocumentOptions,
  ofImage: boolean,
  read: (source: Source, chosen: Descriptor) => Promise<T>,
): Promise<T> {
  const { name, local = false } = options
  const place: Transport = local ? { kind: 'store', text: name.replace(/^store:/, '') } : parseTransport(name)
  const asked =
    options.platform === undefined ? undefined : normalizePlatform(parsePlatform(options.platform, host.platform))
  const { source, root, entry, close } = await openImage(host, place, options)
  try {
    const platform = asked ?? (ofImage && isIndexType(root.mediaType) ? host.platform : undefined)
    const chosen = (await choosePlatforms(source, root, platform === undefined ? [] : [platform], name)).root
    return await read(source, entry === undefined || ofImage ? chosen : asKnown(host, entry, chosen))
  } finally {
    await close()
  }
}

/** Of an image of the store, what a registry has of it, which others know it by. */
function asKnown({ store }: Host, entry: Entry, chosen: Descriptor): Descriptor {
  const known = pulledAsWithin(store, entry, chosen)
  const shown = chosen.digest === entry.manifest.digest ? known?.root : known?.manifest
  return shown !== undefined && store.blobs.has(shown.digest) ? shown : chosen
}
