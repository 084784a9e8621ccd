import { PassThrough } from 'node:stream'
import { discard } from '../../net/index.ts'
import type { Descriptor } from '../../oci/index.ts'
import { drained } from '../../support/index.ts'
import type { Connection } from './connection.ts'
import type { Purpose } from './identity.ts'
import { begin, placeOf, Session, type Upload } from './upload.ts'

/**
 * Uploads bytes that are still being produced, before their digest is known. If something breaks, `write` does not fail:
 * `finish`, which gets the digest and can open the bytes again, sends whatever did not arrive.
 */
export class UploadAhead {
  private readonly connection: Connection
  private readonly repository: string
  private readonly purpose: Purpose
  // Chunks are kept as they are, about a mebibyte at most.
  private readonly feed = new PassThrough({ objectMode: true, highWaterMark: 2 })
  private readonly sent: Promise<boolean>
  private location: URL

  private constructor(connection: Connection, repository: string, location: URL) {
    this.connection = connection
    this.repository = repository
    this.location = location
    this.purpose = { action: `upload to ${repository}`, repository, actions: 'pull,push' }
    this.feed.on('error', () => {})
    this.sent = this.send()
  }

  static async begin(connection: Connection, repository: string): Promise<UploadAhead> {
    const session = await begin(connection, repository)
    return new UploadAhead(connection, repository, placeOf(session, connection, repository))
  }

  /** Resolves when more data is welcome. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.feed.destroyed || this.feed.write(chunk)) return
    await drained(this.feed)
  }

  /** Completes the upload; the registry then has the blob. */
  async finish(blob: Descriptor, bytes: Upload): Promise<void> {
    if (!this.feed.destroyed) this.feed.end()
    const { connection, repository, location } = this
    const whole = await this.sent
    const session = new Session(connection, repository, blob, bytes, whole ? this.location : location)
    await (whole ? session.seal() : session.run(true))
  }

  /** Cancels the upload. */
  async abandon(): Promise<void> {
    this.feed.destroy()
    await this.sent
    const question = { method: 'DELETE', path: this.location } as const
    const ended = await this.connection.askOnce(question, this.purpose, [200, 202, 204, 404]).catch(() => undefined)
    if (ended !== undefined) discard(ended)
  }

  /** Returns whether everything arrived. */
  private async send(): Promise<boolean> {
    const { connection, purpose, repository, feed } = this
    const headers = { 'Content-Type': 'application/octet-stream' }
    try {
      const question = { method: 'PATCH', path: this.location, headers, body: () => feed } as const
      const response = await connection.askOnce(question, purpose, [200, 201, 202, 204])
      discard(response)
      this.location = placeOf(response, connection, repository)
      return feed.writableFinished
    } catch {
      return false
    } finally {
      feed.destroy()
    }
  }
}
