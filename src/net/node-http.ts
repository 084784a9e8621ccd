/**
 * Returns Node's own HTTP, loaded on first use. `import 'node:http'` evaluates all its exports, which since Node 22 include
 * WebSocket: that loads an entire second HTTP client, and takes longer than the rest of a small copy.
 */
export function http(): typeof import('node:http') {
  return process.getBuiltinModule('node:http')
}
