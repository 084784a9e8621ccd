/** The codes that an answer may end with. (grpc.io, "Status codes and their use in gRPC") */
export const statusCodes = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const

/** A call that did not end well. */
export class GrpcError extends Error {
  readonly code: number
  /** A `google.rpc.Status` with more about it, as it came. */
  readonly details: Uint8Array | undefined

  constructor(
    code: number,
    message: string,
    options: { readonly details?: Uint8Array; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'GrpcError'
    this.code = code
    this.details = options.details
  }
}

/** Writes a message for the header `grpc-message`. (gRPC over HTTP2: percent-encoded, in UTF-8) */
export function encodeText(text: string): string {
  return [...Buffer.from(text, 'utf8')]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('')
}

/** Reads the header `grpc-message`; what is not encoded properly stays as it is. */
export function decodeText(text: string): string {
  const bytes: number[] = []
  for (let at = 0; at < text.length; at++) {
    const code = /^%[0-9a-fA-F]{2}/.test(text.slice(at, at + 3)) ? text.slice(at + 1, at + 3) : undefined
    if (code === undefined) bytes.push(...Buffer.from(text[at]!, 'utf8'))
    else {
      bytes.push(Number.parseInt(code, 16))
      at += 2
    }
  }
  return Buffer.from(bytes).toString('utf8')
}

type Headers = Readonly<Record<string, string | string[] | number | undefined>>

/** Returns the error that trailers tell of; undefined for success. */
export function errorIn(headers: Headers): GrpcError | undefined {
  const status = headers['grpc-status']
  if (status === undefined) return undefined
  const code = /^\d{1,3}$/.test(String(status)) ? Number(status) : statusCodes.unknown
  if (code === statusCodes.ok) return undefined
  const message = decodeText(String(headers['grpc-message'] ?? ''))
  const details = headers['grpc-status-details-bin']
  return new GrpcError(
    code,
    message === '' ? `the call ended with status ${code}` : message,
    details === undefined ? {} : { details: Buffer.from(String(details), 'base64') },
  )
}
