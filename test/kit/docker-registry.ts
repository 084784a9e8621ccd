import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasProgram } from './needs.ts'

/** Whether Debian's docker-registry is there; says so where it is not. */
export const hasRegistry = hasProgram('docker-registry')

export interface RunningRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string
  stop(): Promise<void>
}

/** Starts a registry (distribution 2.8) with an empty folder on a free port of this machine. `http` and `more` are YAML of its config. */
export async function startRegistry(more = '', http = ''): Promise<RunningRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'tare-registry-'))
  const host = `127.0.0.1:${await freePort()}`
  const config = join(folder, 'config.yml')
  writeFileSync(
    config,
    `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: ${folder}/data}, delete: {enabled: true}}
http: {addr: "${host}"${http === '' ? '' : `, ${http}`}}
${more}`,
  )
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' })
  await listening(host, child)
  return {
    host,
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A port of 127.0.0.1 on which nobody listens. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

async function listening(host: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}`)
    try {
      await fetch(`http://${host}/v2/`)
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
  throw new Error('docker-registry does not answer')
}
