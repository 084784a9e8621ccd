import { onTestFinished } from 'vitest'
import { temporaryFolder, writeFiles } from './cli.ts'

/**
 * Puts a program on PATH, until the test has ended, that stands in for ssh, kubectl or the like: called with exactly these
 * arguments, its input and output are a connection to the socket; otherwise it fails.
 */
export function standIn(program: string, args: readonly string[], path: string): void {
  const script = [
    `#!${process.execPath}`,
    `const args = ${JSON.stringify(args)}`,
    'if (JSON.stringify(process.argv.slice(2)) !== JSON.stringify(args)) {',
    '  console.error(`called with ${process.argv.slice(2).join(" ")}`)',
    '  process.exit(9)',
    '}',
    `const socket = require('node:net').connect(${JSON.stringify(path)})`,
    "socket.on('error', () => process.exit(8))",
    "socket.on('close', () => process.exit(0))",
    'process.stdin.pipe(socket).pipe(process.stdout)',
  ]
  const folder = writeFiles(temporaryFolder(), { [program]: { content: script.join('\n'), mode: 0o755 } })
  const before = process.env['PATH']
  process.env['PATH'] = `${folder}:${before}`
  onTestFinished(() => {
    process.env['PATH'] = before
  })
}
