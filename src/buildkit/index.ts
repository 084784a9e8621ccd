/**
 * BuildKit's messages and services, as its protocol numbers them.
 *
 * In: nothing.  Out: descriptions and types, made from proto/ by `npm run proto`.
 * Not here: sockets, what to build.
 */
export * as content from './messages/content_pb.ts'
export * from './messages/control_pb.ts'
export * as fsutil from './messages/files_pb.ts'
export * as gateway from './messages/gateway_pb.ts'
export * as health from './messages/health_pb.ts'
export * as llb from './messages/llb_pb.ts'
export * as secrets from './messages/secrets_pb.ts'
export * as filesync from './messages/session_pb.ts'
export * as ssh from './messages/ssh_pb.ts'
export * from './messages/worker_pb.ts'
