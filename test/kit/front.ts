import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { temporaryFolder } from './cli.ts'
import { onFreePort } from './free-port.ts'
import { hasProgram } from './needs.ts'

export const hasNginx = hasProgram('nginx', '-v')
export const hasSquid = hasProgram('squid', '-v')
export const hasTinyproxy = hasProgram('tinyproxy', '-v')

export interface Running {
  readonly port: number
  /** What it has written down of its requests. */
  log(): string
}

/** nginx on a free port, with these blocks in its `http`: `{port}` stands for the port, `{folder}` for a folder of its own. */
export function startNginx(blocks: (port: number, folder: string) => string): Promise<Running> {
  return onFreePort((port) => nginxOn(port, blocks))
}

async function nginxOn(port: number, blocks: (port: number, folder: string) => string): Promise<Running> {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'temp'))
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/temp/${kind};`,
  )
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; pid ${folder}/pid; error_log ${folder}/error.log; ${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
events {}
http {
  ${temps.join('\n  ')}
  log_format full '$request auth=$http_authorization';
  access_log ${folder}/access.log full;
  client_max_body_size 0;
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-Proto $scheme;
  ${blocks(port, folder)}
}
`,
  )
  await run('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], port)
  return { port, log: () => read(join(folder, 'access.log')) }
}

/** squid on a free port of 127.0.0.1; `more` are lines of its configuration, before all is allowed. */
export function startSquid(more = ''): Promise<Running> {
  return onFreePort((port) => squidOn(port, more))
}

async function squidOn(port: number, more: string): Promise<Running> {
  const folder = temporaryFolder()
  // It gives up being root.
  chmodSync(folder, 0o777)
  const config = join(folder, 'squid.conf')
  writeFileSync(
    config,
    `http_port 127.0.0.1:${port}
pid_filename ${folder}/pid
access_log stdio:${folder}/access.log
cache_log ${folder}/cache.log
coredump_dir ${folder}
cache deny all
shutdown_lifetime 1 seconds
${more}
http_access allow all
`,
  )
  // Its shared memory is called by the name of the service.
  await run('squid', ['-N', '-n', `tare${port}`, '-f', config], port)
  return { port, log: () => read(join(folder, 'access.log')) }
}

/** tinyproxy on a free port of 127.0.0.1. */
export function startTinyproxy(more = ''): Promise<Running> {
  return onFreePort((port) => tinyproxyOn(port, more))
}

async function tinyproxyOn(port: number, more: string): Promise<Running> {
  const folder = temporaryFolder()
  const config = join(folder, 'tinyproxy.conf')
  writeFileSync(
    config,
    `Port ${port}\nListen 127.0.0.1\nTimeout 60\nLogFile "${folder}/log"\nLogLevel Connect\n${more}\n`,
  )
  await run('tinyproxy', ['-d', '-c', config], port)
  return { port, log: () => read(join(folder, 'log')) }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

async function run(program: string, args: readonly string[], port: number): Promise<void> {
  const child = spawn(program, args, { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await ended
  })
  for (let tries = 0; tries < 400; tries++) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`)
    if (await listens(port)) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`${program} does not listen`)
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
