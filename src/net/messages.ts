import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Bytes } from '../support/index.ts'

/** An HTTP request. A streamed body needs its `length`, unless the server does not have to know it. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: URL
  readonly headers?: OutgoingHttpHeaders | undefined
  readonly body?: Uint8Array | Bytes | undefined
  readonly length?: number | undefined
  /** The body may be sent to this endpoint only, not to redirect targets. */
  readonly confined?: boolean | undefined
}

export interface HttpResponse {
  readonly method: HttpRequest['method']
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Where the response came from, after redirects. */
  readonly url: URL
  /** The proxy that was used, and that may have answered itself: `proxy.example:3128 (HTTP_PROXY)`. */
  readonly proxy?: string | undefined
  /** Must be read to its end or abandoned with `discard`. */
  readonly body: IncomingMessage
}
