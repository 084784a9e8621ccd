import { createHash } from 'node:crypto'
import { setImmediate as takeTurn } from 'node:timers/promises'
import { filesync, fsutil } from '../../../buildkit/index.ts'
import { ContentReader } from '../../../files/layer/index.ts'
import { type Directory, type RegularFile, sortedNames, type Tree } from '../../../files/tree/index.ts'
import { GrpcError, type Handlers, type ServerCall, statusCodes, streaming } from '../../../net/grpc/index.ts'
import { TareError, wellFormed } from '../../../support/index.ts'
import { statOf } from './stat.ts'

/** A tree of this machine, and which part of it the build needs. */
export interface OfferedFiles {
  readonly tree: Tree
  /** Whether an entry is sent. */
  readonly includes: (path: string) => boolean
}

type Call = ServerCall<typeof filesync.FileSync.method.diffCopy>
const types = fsutil.Packet_PacketType
const pieceSize = 128 << 10
/** More entries than any build context has. */
const mostEntries = 5_000_000

export interface FilesSettings {
  /** Called with a digest of the names and metadata of what was listed under a name. */
  readonly listed?: (name: string, digest: string) => void
  /** How many entries a tree may have. */
  readonly most?: number | undefined
}

/**
 * Sends trees under the names they are offered as. A request for anything else is refused, and reported through `violation`, since
 * an engine that asks for it is not to be trusted with more.
 */
export function filesService(
  find: (name: string) => Promise<OfferedFiles | undefined>,
  violation: (error: TareError) => void,
  { listed = () => {}, most = mostEntries }: FilesSettings = {},
): Handlers {
  return [
    streaming(filesync.FileSync.method.diffCopy, async (call) => {
      const name = String(call.metadata['dir-name'] ?? '')
      const offered = await find(name)
      if (offered === undefined) {
        const message = `the engine asks for files that were not offered: ${JSON.stringify(name)}`
        violation(new TareError('ENGINE_INVALID', message, { remedy: 'Nothing was sent. Do not use this engine.' }))
        throw new GrpcError(statusCodes.permissionDenied, message)
      }
      await new Sending(call, offered, violation, most).run((digest) => listed(name, digest))
    }),
  ]
}

class Sending {
  private readonly call: Call
  private readonly offered: OfferedFiles
  private readonly violation: (error: TareError) => void
  private readonly reader = new ContentReader()
  /** By number; undefined for what has no contents to ask for. */
  private readonly files: (RegularFile | undefined)[] = []
  private readonly paths = new Map<RegularFile, string>()
  private readonly most: number
  private readonly listing = createHash('sha256')
  private packets = 0

  constructor(call: Call, offered: OfferedFiles, violation: (error: TareError) => void, most: number) {
    this.most = most
    this.call = call
    this.offered = offered
    this.violation = violation
  }

  async run(listed: (digest: string) => void): Promise<void> {
    try {
      const listing = this.list(listed)
      const failed = new Promise<never>((_, reject) => {
        listing.catch(reject)
      })
      await Promise.race([this.answer(listing), failed])
    } catch (error) {
      if (error instanceof TareError) {
        this.violation(error)
        await this.call.send({ type: types.PACKET_ERR, data: Buffer.from(error.message) })
      }
      throw error
    } finally {
      this.reader.close()
    }
  }

  private async answer(listing: Promise<void>): Promise<void> {
    for await (const { type, id, data } of this.call.requests) {
      if (type === types.PACKET_REQ) {
        await this.sendFile(id, listing)
      } else if (type === types.PACKET_FIN) {
        await listing
        return this.send({ type: types.PACKET_FIN })
      } else if (type === types.PACKET_ERR) {
        throw new GrpcError(statusCodes.aborted, Buffer.from(data).toString('utf8'))
      }
    }
  }

  private async list(listed: (digest: string) => void): Promise<void> {
    await this.listDirectory(this.offered.tree.root, '')
    listed(this.listing.digest('hex'))
    await this.send({ type: types.PACKET_STAT })
  }

  private async listDirectory(directory: Directory, prefix: string): Promise<void> {
    for (const name of sortedNames(directory)) {
      const path = prefix + name
      if (!this.offered.includes(path)) continue
      const node = directory.children.get(name)!
      if (wellFormed(path) !== path)
        throw new TareError(
          'ENGINE_NAME',
          `the name of ${JSON.stringify(path)} is not UTF-8, which an engine cannot be sent`,
          {
            remedy: 'Rename it, exclude it with .dockerignore, or build here.',
          },
        )
      const linked = node.kind === 'file' ? this.paths.get(node) : undefined
      if (node.kind === 'file' && linked === undefined) this.paths.set(node, path)
      this.files.push(node.kind === 'file' && linked === undefined ? node : undefined)
      if (this.files.length > this.most)
        throw new TareError('ENGINE_NAME', `the build context has more than ${this.most} entries`, {
          remedy: 'Exclude what the build does not need with .dockerignore.',
        })
      const stat = statOf(path, node, linked)
      this.listing.update(textOf(stat))
      await this.send({ type: types.PACKET_STAT, stat })
      if (node.kind === 'directory') await this.listDirectory(node, `${path}/`)
    }
  }

  private async sendFile(id: number, listing: Promise<void>): Promise<void> {
    // It may ask for what has just been listed.
    if (id >= this.files.length) await listing
    const file = this.files[id]
    if (file === undefined)
      throw new TareError(
        'ENGINE_INVALID',
        `the engine asks for the contents of entry ${id}, which is no file that was offered`,
      )
    for (let at = 0; at < file.size; at += pieceSize) {
      const data = Buffer.allocUnsafe(Math.min(pieceSize, file.size - at))
      this.reader.read(file.content, data, at)
      await this.send({ type: types.PACKET_DATA, id, data })
    }
    await this.send({ type: types.PACKET_DATA, id })
  }

  private async send(packet: Parameters<Call['send']>[0]): Promise<void> {
    // The engine's health checks are answered in between.
    if (++this.packets % 64 === 0) await takeTurn()
    this.call.signal.throwIfAborted()
    await this.call.send(packet)
  }
}

type Stat = ReturnType<typeof statOf>

function textOf({
  path,
  mode,
  uid,
  gid,
  size,
  modTime,
  linkname = '',
  devmajor = 0n,
  devminor = 0n,
  xattrs,
}: Stat): string {
  const more =
    xattrs === undefined ? '' : JSON.stringify(Object.entries(xattrs).map(([key, value]) => [key, [...value]]))
  return `${path}\0${mode} ${uid} ${gid} ${size} ${modTime} ${linkname}\0${devmajor} ${devminor} ${more}\n`
}
