import { type Descriptor, goJson, manifestJson, mediaTypes } from '../../src/oci/index.ts'
import { type Bytes, flow, sha256 } from '../../src/support/index.ts'

/** A blob in memory, as `put` wants it. */
export interface TinyBlob {
  readonly descriptor: Descriptor
  readonly bytes: Buffer
  open(): Promise<Bytes>
}

export interface TinyImage {
  readonly config: TinyBlob
  readonly layers: readonly TinyBlob[]
  readonly manifest: TinyBlob
  /** Children first: layers, config, manifest. */
  readonly blobs: readonly TinyBlob[]
}

export function tinyBlob(mediaType: string, bytes: Buffer | string): TinyBlob {
  const buffer = Buffer.from(bytes)
  return {
    descriptor: { mediaType, digest: sha256(buffer), size: buffer.length },
    bytes: buffer,
    open: async () => flow(buffer),
  }
}

/** A tar with one file: made by hand, so that what reads it is not tested against itself. */
export function tinyTar(path: string, contents: string): Buffer {
  const body = Buffer.from(contents)
  const header = Buffer.alloc(512)
  const field = (text: string, at: number) => header.write(text, at, 'latin1')
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`
  field(path, 0)
  field(octal(0o644, 7), 100)
  field(octal(0, 7), 108)
  field(octal(0, 7), 116)
  field(octal(body.length, 11), 124)
  field(octal(1700000000, 11), 136)
  field('        ', 148)
  field('0', 156)
  field('ustar\x0000', 257)
  field(octal(0, 7), 329)
  field(octal(0, 7), 337)
  field(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  )
  return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512), Buffer.alloc(1024)])
}

export interface TinyOptions {
  readonly created?: string
  readonly architecture?: string
  readonly config?: Readonly<Record<string, unknown>>
  /** Files of the image: one layer each. Default: one file. */
  readonly files?: readonly (readonly [path: string, contents: string])[]
}

/** An image that real tools load: plain layers of one file each, a config as BuildKit would write it, an OCI manifest. */
export function tinyImage(options: TinyOptions = {}): TinyImage {
  const created = options.created ?? '2024-01-02T03:04:05.678901234Z'
  const layers = (options.files ?? [['hello.txt', 'hello\n']]).map(([path, contents]) =>
    tinyBlob(mediaTypes.layer, tinyTar(path, contents)),
  )
  const config = tinyBlob(
    mediaTypes.config,
    goJson({
      architecture: options.architecture ?? 'amd64',
      config: options.config ?? { Env: ['PATH=/bin'], Cmd: ['/bin/sh'], WorkingDir: '/' },
      created,
      history: layers.map(() => ({ created, created_by: 'COPY <file> / # tiny' })),
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.descriptor.digest) },
    }),
  )
  const manifest = tinyBlob(
    mediaTypes.manifest,
    goJson(
      manifestJson({
        mediaType: mediaTypes.manifest,
        config: config.descriptor,
        layers: layers.map((layer) => layer.descriptor),
      }),
      2,
    ),
  )
  return { config, layers, manifest, blobs: [...layers, config, manifest] }
}
