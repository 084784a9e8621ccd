import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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

/**
 * Starts a registry (distribution 2.8) with an empty folder, or with `data`, on a free port of this machine. `http` and `more` are YAML
 * of its config.
 */
export async function startRegistry(more = '', http = '', data?: string): Promise<RunningRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'tare-registry-'))
  const config = join(folder, 'config.yml')
  writeFileSync(
    config,
    `version: 0.1
log: {level: info, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: ${data ?? `${folder}/data`}}, delete: {enabled: true}}
http: {addr: "127.0.0.1:0"${http === '' ? '' : `, ${http}`}}
${more}`,
  )
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  return {
    host: await listening(child),
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The address that it says it listens on: one that was chosen for it could be somebody else's by then. */
function listening(child: ChildProcess): Promise<string> {
  let said = ''
  return new Promise((resolve, reject) => {
    child.stderr!.on('data', (chunk: Buffer) => {
      if (said.length < 1 << 16) said += chunk.toString()
      const host = /listening on (127\.0\.0\.1:\d+)/.exec(said)?.[1]
      if (host !== undefined) resolve(host)
    })
    child.once('error', reject)
    child.once('close', (code) => reject(new Error(`docker-registry ended with ${code}: ${said}`)))
  })
}
