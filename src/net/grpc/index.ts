/**
 * gRPC over a socket that is already open: calls to the other side, and services for it.
 *
 * In: a connected stream, services and messages described by @bufbuild/protobuf.  Out: messages, streams of them, statuses.
 * Not here: where the socket comes from, what the messages mean.
 */
export { type CallSettings, type GrpcCall, GrpcClient, prepareClients } from './client.ts'
export { frame, messageLimit, readFrames } from './frames.ts'
export { type Handlers, type ServerCall, serveGrpc, streaming, unary } from './server.ts'
export { GrpcError, statusCodes } from './status.ts'
