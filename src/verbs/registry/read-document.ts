import type { DocumentOptions } from '../../api/index.ts'
import type { Source } from '../../content/index.ts'
import type { Entry } from '../../content/store/index.ts'
import type { Host } from '../../images/index.ts'
import { pulledAsWithin, readCompressed, readWhole } from '../../images/index.ts'
import { choosePlatforms } from '../../images/rewrite/index.ts'
import { openImage, parseTransport, type Transport } from '../../images/transports/index.ts'
import {
  type Descriptor,
  isIndexType,
  kindOfDocument,
  normalizePlatform,
  type Platform,
  parseDocument,
  parseImageConfig,
  parsePlatform,
} from '../../oci/index.ts'

/** What a name points at, in its registry or another place: the digest, the manifest or index as it is, or an image's config as it is. */
export async function readDocument(
  host: Host,
  what: 'digest' | 'manifest' | 'config',
  options: DocumentOptions,
): Promise<string> {
  const { name, local = false } = options
  const place: Transport = local ? { kind: 'store', text: name.replace(/^store:/, '') } : parseTransport(name)
  const platform =
    options.platform === undefined ? undefined : normalizePlatform(parsePlatform(options.platform, host.platform))
  const opened = await openImage(host, place, options)
  try {
    const { source, root } = opened
    const chosen = await choose(source, root, what, platform, host, name)
    if (what === 'config') {
      const { configBytes } = await readCompressed(source, chosen, name)
      parseImageConfig(configBytes, `the config of ${name}`)
      return configBytes.toString('utf8')
    }
    const known = opened.entry === undefined ? chosen : asKnown(host, opened.entry, chosen)
    if (what === 'digest') return known.digest
    const bytes = await readWhole(source, known, `the manifest of ${name}`)
    kindOfDocument(parseDocument(bytes, `the manifest of ${name}`), `the manifest of ${name}`, known.mediaType)
    return bytes.toString('utf8')
  } finally {
    await opened.close()
  }
}

/** A config is one platform's: where none is asked for, this machine's. */
async function choose(
  source: Source,
  root: Descriptor,
  what: 'digest' | 'manifest' | 'config',
  platform: Platform | undefined,
  host: Host,
  name: string,
): Promise<Descriptor> {
  const wanted = platform ?? (what === 'config' && isIndexType(root.mediaType) ? host.platform : undefined)
  return (await choosePlatforms(source, root, wanted === undefined ? [] : [wanted], name)).root
}

/** Of an image of the store, what a registry has of it, which others know it by. */
function asKnown({ store }: Host, entry: Entry, chosen: Descriptor): Descriptor {
  const known = pulledAsWithin(store, entry, chosen)
  const shown = chosen.digest === entry.manifest.digest ? known?.root : known?.manifest
  return shown !== undefined && store.blobs.has(shown.digest) ? shown : chosen
}
