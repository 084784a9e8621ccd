import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Bytes } from '../support/index.ts'

/** One question to a server. A flowing body needs its `length`, unless the server may not know it. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: URL
  readonly headers?: OutgoingHttpHeaders | undefined
  readonly body?: Uint8Array | Bytes | undefined
  readonly length?: number | undefined
  /** The body is for this endpoint alone: no redirect takes it to another. */
  readonly confined?: boolean | undefined
}

export interface HttpResponse {
  readonly method: HttpRequest['method']
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Where the answer came from, after redirects. */
  readonly url: URL
  /** The proxy that was asked for it, and may have answered itself: `proxy.example:3128 (HTTP_PROXY)`. */
  readonly proxy?: string | undefined
  /** To be read to its end, or given up with `discard`. */
  readonly body: IncomingMessage
}
