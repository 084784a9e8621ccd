import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { encodeHeader, endOfArchive, padding } from '../../src/files/tar/index.ts'
import { type Descriptor, goJson, hexOf, indexJson, manifestJson, mediaTypes } from '../../src/oci/index.ts'
import { type TinyImage, tinyBlob } from './tiny-image.ts'

/** A file's contents, or a link. */
export type Member = string | Buffer | { symlink: string } | { hardlink: string }
export type Members = Readonly<Record<string, Member>> | readonly (readonly [string, Member])[]

/** A tar with these members, in this order; names are written as they are, and those that end in a slash are directories. */
export function tarOf(members: Members): Buffer {
  const list = Array.isArray(members) ? members : Object.entries(members)
  const parts = (list as [string, Member][]).flatMap(([path, member]) => {
    const link = typeof member === 'string' || Buffer.isBuffer(member) ? undefined : member
    const body = typeof member === 'string' ? Buffer.from(member) : Buffer.isBuffer(member) ? member : Buffer.alloc(0)
    const plain = path.endsWith('/') ? 'directory' : 'file'
    const kind = link === undefined ? plain : 'symlink' in link ? 'symlink' : 'hardlink'
    const target = link === undefined ? {} : { link: 'symlink' in link ? link.symlink : link.hardlink }
    const header = {
      path,
      kind,
      mode: kind === 'directory' ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      size: body.length,
      mtime: 0,
      mtimeNs: 0,
      ...target,
    } as const
    return [encodeHeader(header), body, Buffer.alloc(padding(body.length))]
  })
  return Buffer.concat([...parts, endOfArchive])
}

/** The same as files of a folder. Returns the folder. */
export function filesOf(members: Members, at: string): string {
  for (const [path, member] of Object.entries(members)) {
    mkdirSync(dirname(join(at, path)), { recursive: true })
    if (typeof member === 'string' || Buffer.isBuffer(member)) writeFileSync(join(at, path), member)
    else symlinkSync('symlink' in member ? member.symlink : member.hardlink, join(at, path))
  }
  return at
}

/** The hex digits of a blob's digest: its name in a layout. */
export function hex(blob: { readonly descriptor: Descriptor }): string {
  return hexOf(blob.descriptor.digest)
}

/** A docker-archive as older tools write it. */
export function dockerArchive(image: TinyImage, more: Readonly<Record<string, Member>> = {}): Record<string, Member> {
  const layers = Object.fromEntries(image.layers.map((layer, i) => [`${i}/layer.tar`, layer.bytes]))
  const item = { Config: 'config.json', RepoTags: ['app:1'], Layers: Object.keys(layers) }
  return { 'config.json': image.config.bytes, ...layers, 'manifest.json': goJson([item]), ...more }
}

/** An OCI layout of one image. */
export function layout(image: TinyImage, annotations?: Record<string, string>): Record<string, Member> {
  const root = { ...image.manifest.descriptor, ...(annotations === undefined ? {} : { annotations }) }
  return {
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
    ...Object.fromEntries(image.blobs.map((blob) => [`blobs/sha256/${hex(blob)}`, blob.bytes])),
    'index.json': goJson(indexJson({ mediaType: mediaTypes.index, manifests: [root] })),
  }
}

/** The same image with its layers as gzip. */
export function gzipped(image: TinyImage): TinyImage {
  const layers = image.layers.map((layer) => tinyBlob(mediaTypes.layerGzip, gzipSync(layer.bytes)))
  const manifest = tinyBlob(
    mediaTypes.manifest,
    goJson(
      manifestJson({
        mediaType: mediaTypes.manifest,
        config: image.config.descriptor,
        layers: layers.map((layer) => layer.descriptor),
      }),
    ),
  )
  return { ...image, manifest, blobs: [...layers, image.config, manifest] }
}
