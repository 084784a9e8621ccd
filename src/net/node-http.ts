/**
 * Node's own HTTP, loaded when it is first used. An import of `node:http` asks for all that it exports, and among that, since
 * Node 22, for a WebSocket: that loads a whole other HTTP client, which takes longer than all the rest of a small copy.
 */
export function http(): typeof import('node:http') {
  return process.getBuiltinModule('node:http')
}
