import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type FileSpec, temporaryFolder, writeFiles } from './cli.ts'
import { onFreePort } from './free-port.ts'
import { hasProgram, unlessMissing } from './needs.ts'

// Real repositories, and real servers for them on this machine alone.

/** Whether git is there; says so where it is not. */
export const hasGit = hasProgram('git')

const execPath = hasGit ? execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim() : ''

export const hasGitDaemon =
  hasGit &&
  unlessMissing(spawnSync(join(execPath, 'git-daemon'), ['--help']).error === undefined, 'there is no git daemon')

/** Runs git as nobody in particular, with no settings of this machine. */
export function git(folder: string, ...args: readonly string[]): string {
  return execFileSync('git', ['-c', 'protocol.file.allow=always', ...args], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.com',
      GIT_AUTHOR_DATE: '2024-01-02T03:04:05Z',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@example.com',
      GIT_COMMITTER_DATE: '2024-01-02T03:04:05Z',
    },
  }).trim()
}

/** The time of every commit, in seconds since 1970. */
export const commitTime = Date.parse('2024-01-02T03:04:05Z') / 1000

/** A folder of repositories, `NAME.git`. */
export class Repositories {
  readonly folder = join(temporaryFolder(), 'repositories')

  constructor() {
    mkdirSync(this.folder)
  }

  path(name: string): string {
    return join(this.folder, `${name}.git`)
  }

  /** Commits the files on top of `main`, and answers the commit. `edit` may change the work tree before. */
  commit(name: string, files: Readonly<Record<string, FileSpec>>, edit?: (folder: string) => void): string {
    const path = this.path(name)
    if (statSync(path, { throwIfNoEntry: false }) === undefined) {
      git(this.folder, 'init', '--quiet', '--initial-branch=main', path)
      git(path, 'config', 'receive.denyCurrentBranch', 'ignore')
    }
    writeFiles(path, files)
    edit?.(path)
    git(path, 'add', '--all')
    git(path, 'commit', '--quiet', '--allow-empty', '--message', 'a change')
    return git(path, 'rev-parse', 'HEAD')
  }

  /** Serves them with `git daemon`; answers `git://127.0.0.1:PORT`. */
  daemon(): Promise<string> {
    return onFreePort((port) => this.daemonOn(port))
  }

  private async daemonOn(port: number): Promise<string> {
    const args = ['--reuseaddr', '--listen=127.0.0.1', `--port=${port}`, `--base-path=${this.folder}`, '--export-all']
    const child = spawn(join(execPath, 'git-daemon'), [...args, this.folder], { stdio: 'ignore' })
    onTestFinished(() => void child.kill('SIGKILL'))
    await listening(port, child)
    return `git://127.0.0.1:${port}`
  }

  /** Serves them over http: `smart` by git's own program, else as the files they are. `wants` is what Authorization has to be. */
  async web(kind: 'smart' | 'dumb', wants?: string): Promise<{ readonly url: string; readonly requests: string[] }> {
    const requests: string[] = []
    const server = createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`)
      if (wants !== undefined && request.headers.authorization !== wants)
        response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end()
      else if (kind === 'smart') this.backend(request, response)
      else this.file(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
  }

  private file(request: IncomingMessage, response: ServerResponse): void {
    const [name, rest] = /^\/(\w+)\.git\/([^?]*)/.exec(request.url!)!.slice(1)
    try {
      response.end(readFileSync(join(this.path(name!), '.git', rest!)))
    } catch {
      response.writeHead(404).end()
    }
  }

  private backend(request: IncomingMessage, response: ServerResponse): void {
    const [path, query = ''] = request.url!.split('?')
    const child = spawn(join(execPath, 'git-http-backend'), {
      env: {
        PATH: process.env['PATH'],
        GIT_PROJECT_ROOT: this.folder,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: 'safe.directory',
        GIT_CONFIG_VALUE_0: '*',
        PATH_INFO: path!,
        QUERY_STRING: query,
        REQUEST_METHOD: request.method!,
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: String(request.headers['content-encoding'] ?? ''),
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      },
    })
    request.pipe(child.stdin)
    child.stdin.on('error', () => {})
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('close', () => {
      const all = Buffer.concat(chunks)
      const end = all.indexOf('\r\n\r\n')
      for (const line of all.subarray(0, end).toString().split('\r\n')) {
        const [name, value] = line.split(': ') as [string, string]
        if (name === 'Status') response.statusCode = Number.parseInt(value, 10)
        else response.setHeader(name, value)
      }
      response.end(all.subarray(end + 4))
    })
  }
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 400 && child.exitCode === null; tries++) {
    const there = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy()
        resolve(true)
      })
      socket.on('error', () => resolve(false))
    })
    if (there) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('git daemon does not answer')
}
