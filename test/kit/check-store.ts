import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/**
 * What is wrong with a store that nobody is working in: an empty list where every blob has the bytes of its name,
 * all that index.json leads to is there in its size (compressed layers may be in a registry), and nothing half-made lies
 * about. Looked at without tare's own eyes.
 */
export async function faultsOf(home: string): Promise<string[]> {
  if (!existsSync(home)) return []
  const faults = [...(await faultsOfBlobs(home)), ...faultsOfIndex(home), ...leftovers(home)]
  return faults.sort()
}

async function faultsOfBlobs(home: string): Promise<string[]> {
  const faults: string[] = []
  for (const name of list(join(home, 'blobs/sha256'))) {
    const hash = createHash('sha256')
    await pipeline(createReadStream(join(home, 'blobs/sha256', name)), hash)
    if (hash.digest('hex') !== name) faults.push(`blob ${name} does not have the bytes of its name`)
  }
  for (const name of list(join(home, 'blobs'))) if (name !== 'sha256') faults.push(`blobs/${name} is nothing we know`)
  return faults
}

function faultsOfIndex(home: string): string[] {
  const path = join(home, 'index.json')
  if (!existsSync(path)) return []
  const faults: string[] = []
  if (JSON.parse(readFileSync(join(home, 'oci-layout'), 'utf8')).imageLayoutVersion !== '1.0.0')
    faults.push('oci-layout has no version')
  const look = ({ digest, size, mediaType }: Descriptor): void => {
    const blob = join(home, 'blobs', digest.replace(':', '/'))
    const stat = statSync(blob, { throwIfNoEntry: false })
    if (stat === undefined && /layer.*[+.](?:gzip|zstd)$|diff\.tar\.gzip$/.test(mediaType)) return
    if (stat === undefined) {
      faults.push(`${mediaType} ${digest} is not there`)
      return
    }
    if (stat.size !== size) faults.push(`${mediaType} ${digest} is ${stat.size} bytes and not ${size}`)
    if (!mediaType.includes('manifest') && !mediaType.includes('index')) return
    const document = JSON.parse(readFileSync(blob, 'utf8')) as {
      config?: Descriptor
      layers?: Descriptor[]
      manifests?: Descriptor[]
    }
    for (const child of [document.config ?? [], document.layers ?? [], document.manifests ?? []].flat()) look(child)
  }
  const { manifests } = JSON.parse(readFileSync(path, 'utf8')) as { manifests: Descriptor[] }
  for (const manifest of manifests) look(manifest)
  return faults
}

/** Files that only work in progress has. */
export function leftovers(home: string): string[] {
  const known = new Set(['blobs', 'index.json', 'oci-layout', 'tare'])
  return [
    ...list(home).filter((name) => !known.has(name)),
    ...['scratch', 'leases'].flatMap((folder) =>
      list(join(home, 'tare', folder)).map((name) => `tare/${folder}/${name}`),
    ),
    ...list(join(home, 'tare')).flatMap((name) => (name.startsWith('lock') ? [`tare/${name}`] : [])),
  ].map((name) => `${name} was left behind`)
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}
