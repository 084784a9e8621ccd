import { createReadStream, statSync } from 'node:fs'
import type { ImportOptions } from '../../api/index.ts'
import { assembleImage } from '../../builder/assemble/index.ts'
import { planBuild } from '../../builder/plan/index.ts'
import { parseDockerfile } from '../../dockerfile/index.ts'
import { decompress } from '../../files/compression/index.ts'
import { type Host, unpackLimit } from '../../images/index.ts'
import { ingestLayer } from '../../images/ingest/index.ts'
import { type Digest, normalizePlatform, parsePlatform, parseReference } from '../../oci/index.ts'
import { type Bytes, readPipe, TareError, withoutCredentials } from '../../support/index.ts'

const allowed = new Set([
  'CMD',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'HEALTHCHECK',
  'LABEL',
  'ONBUILD',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
])

/** Creates an image with one layer from a root filesystem's tar, compressed or not. Returns its ID. */
export async function importImage(host: Host, options: ImportOptions): Promise<Digest> {
  const name = options.name === undefined ? undefined : parseReference(options.name)
  const platform =
    options.platform === undefined ? host.platform : normalizePlatform(parsePlatform(options.platform, host.platform))
  const config = await configOf(options.changes ?? [], host)
  const release = host.store.lease()
  try {
    const keep = async (bytes: Bytes) => {
      const { bytes: plain } = await decompress(bytes, unpackLimit(host))
      return ingestLayer(host, undefined, async () => plain, options.signal)
    }
    const { from } = options
    const layer =
      'url' in from ? await fetched(host, from.url, keep, options.signal) : await keep(bytesOf(from, options.signal))
    const created = host.now().toISOString()
    const comment = options.message ?? `Imported from ${'url' in from ? shown(from.url) : '-'}`
    const { config: document, manifest } = assembleImage(
      { platform, config, history: [{ createdBy: '', layer: 0, comment }] },
      [{ diffId: layer.digest, blob: layer, created }],
    )
    for (const { bytes } of [document, manifest]) host.store.blobs.write(bytes)
    await host.store.keep(manifest.blob, name === undefined ? [] : [name], host.now())
    return document.blob.digest
  } finally {
    release()
  }
}

/** Returns the config that Dockerfile instructions create from nothing. */
async function configOf(changes: readonly string[], host: Host) {
  const file = parseDockerfile(`FROM scratch\n${changes.join('\n')}\n`, '--change')
  const [first, ...more] = file.stages
  for (const { kind, where } of [...first!.instructions, ...more.map(({ from }) => from)]) {
    if (!allowed.has(kind))
      throw new TareError('CHANGE_INVALID', `${kind} is not supported in a change`, {
        where,
        remedy: `These can: ${[...allowed].join(', ')}.`,
      })
  }
  const refuse = () => Promise.reject(new Error('a change cannot have a base'))
  const { output } = await planBuild(file, {
    platform: host.platform,
    buildPlatform: host.platform,
    buildArgs: new Map(),
    labels: {},
    contexts: new Map(),
    resolveBase: refuse,
  })
  const { WorkingDir, Env, ...rest } = output.config
  const said = (kind: string) => file.stages[0]!.instructions.some((instruction) => instruction.kind === kind)
  return {
    ...rest,
    ...(said('ENV') ? { Env: Env!.slice(1) } : {}),
    ...(said('WORKDIR') ? { WorkingDir: WorkingDir! } : {}),
  }
}

/** Downloads a file and passes it to `keep`, which is called again if the connection breaks. */
async function fetched<T>(
  { environment, retryDelay }: Host,
  address: string,
  keep: (bytes: Bytes) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const { fetchUrl, parseUrl } = await import('../../net/index.ts')
  const url = parseUrl(address)
  if (url === undefined)
    throw new TareError('OPTION_INVALID', `"${withoutCredentials(address)}" is not a supported URL`, {
      remedy: 'Write http://… or https://….',
    })
  return (await fetchUrl(url, { environment, signal, retryDelay }, keep)).taken!
}

/** Without a password: anyone who has the image can read its history. */
function shown(address: string): string {
  const url = new URL(address)
  url.username = ''
  url.password = ''
  return url.href
}

function bytesOf(
  from: Exclude<ImportOptions['from'], { readonly url: string }>,
  signal: AbortSignal | undefined,
): Bytes {
  if (!('path' in from)) return from.bytes
  const stat = statSync(from.path, { throwIfNoEntry: false })
  if (stat?.isFIFO() === true) return readPipe(from.path, signal)
  if (stat === undefined || !stat.isFile())
    throw new TareError('ARCHIVE_MISSING', `${from.path} ${stat === undefined ? 'does not exist' : 'is not a file'}`, {
      remedy: 'Name a tar archive of a root filesystem, its http or https address, or "-" for standard input.',
    })
  return createReadStream(from.path, { highWaterMark: 1 << 20 })
}
