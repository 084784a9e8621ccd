import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { BuildSshAgent } from '../../api/index.ts'
import { isMissingProgram, messageOf, TareError } from '../../support/index.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What an agent is made of: the socket of another, or key files. */
type AgentSource =
  | { readonly id: string; readonly socket: string }
  | { readonly id: string; readonly keys: readonly string[] }

/** Throws `SSH_MISSING`. */
export function readAgent({ id = 'default', paths: given }: BuildSshAgent, environment: Environment): AgentSource {
  const paths = given ?? [environment['SSH_AUTH_SOCK'] ?? '']
  if (paths.includes(''))
    throw new TareError('SSH_MISSING', 'invalid empty ssh agent socket: SSH_AUTH_SOCK is not set', {
      remedy: 'Start an agent (eval "$(ssh-agent)" && ssh-add), or name its socket or a key: --ssh default=FILE.',
    })
  const stats = paths.map((path) => ({ path, stat: statSync(path, { throwIfNoEntry: false }) }))
  if (paths.length === 1 && stats[0]!.stat?.isSocket()) return { id, socket: paths[0]! }
  for (const { path, stat } of stats)
    if (stat?.isFile() !== true)
      throw new TareError(
        'SSH_MISSING',
        `${path} of --ssh ${id} ${stat === undefined ? 'does not exist' : stat.isSocket() ? 'is a socket among keys' : 'is neither an agent socket nor a key'}`,
        { remedy: 'Name one agent socket, or private key files separated by commas.' },
      )
  return { id, keys: paths }
}

/** The SSH agents of a build: those it was given, and its own for keys from files, in memory. */
export class Agents {
  private readonly sources: ReadonlyMap<string, AgentSource>
  private readonly started = new Map<string, Promise<string>>()
  private readonly ends: (() => void)[] = []

  constructor(agents: readonly BuildSshAgent[], environment: Environment) {
    this.sources = new Map(agents.map((agent) => readAgent(agent, environment)).map((source) => [source.id, source]))
  }

  /** Returns the socket of the agent with that id; undefined if there is none. Rejects with `SSH_KEY_INVALID`, `SSH_MISSING`. */
  async socket(id: string): Promise<string | undefined> {
    const source = this.sources.get(id)
    if (source === undefined || 'socket' in source) return source?.socket
    let started = this.started.get(id)
    if (started === undefined) {
      started = this.start(source.keys)
      this.started.set(id, started)
    }
    return started
  }

  close(): void {
    for (const end of this.ends.splice(0)) end()
  }

  private async start(keys: readonly string[]): Promise<string> {
    const contents = keys.map((path) => ({ path, bytes: readKey(path) }))
    const folder = mkdtempSync(join(tmpdir(), 'tare-agent-'))
    this.ends.push(() => rmSync(folder, { recursive: true, force: true }))
    const socket = join(folder, 'socket')
    // It ends with us in any case: its input is a pipe of ours.
    const agent = spawn('sh', ['-c', 'ssh-agent -D -a "$0" >/dev/null & cat; kill $!', socket], {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: plainEnvironment,
    })
    this.ends.push(() => agent.stdin.end())
    agent.on('error', () => {})
    let complaint = ''
    agent.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk.toString('utf8')
    })
    for (let tries = 0; !(await answers(socket)); tries++) {
      if (tries === 3000 || complaint !== '' || agent.exitCode !== null) throw missing(complaint)
      await pause(10)
    }
    for (const { path, bytes } of contents) await add(socket, path, bytes)
    return socket
  }
}

const plainEnvironment = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' }

function readKey(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new TareError('SSH_MISSING', `cannot read the key ${path}: ${messageOf(cause)}`, { cause })
  }
}

/** Whether somebody listens at the socket: its file exists before that. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(path, () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => resolve(false))
  })
}

function missing(complaint: string): TareError {
  return new TareError(
    'SSH_MISSING',
    `cannot start ssh-agent for the keys: ${complaint.trim() || 'it does not respond'}`,
    {
      remedy: 'Install it (apt-get install openssh-client, apk add openssh-client), or use the socket of an agent.',
    },
  )
}

/**
 * The key is passed through a pipe, so that ssh-add does not check the file's permissions; without a terminal it cannot ask for a
 * passphrase.
 */
async function add(socket: string, path: string, bytes: Buffer): Promise<void> {
  let complaint = ''
  let code: unknown
  try {
    const child = spawn('ssh-add', ['-q', '-'], {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: { ...plainEnvironment, SSH_AUTH_SOCK: socket, SSH_ASKPASS_REQUIRE: 'never' },
      detached: true,
    })
    child.stdin.on('error', () => {})
    child.stdin.end(bytes)
    child.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk.toString('utf8')
    })
    ;[code] = await once(child, 'close')
  } catch (cause) {
    if (isMissingProgram(cause)) throw missing('ssh-add is not installed')
    throw cause
  }
  if (code !== 0)
    throw new TareError('SSH_KEY_INVALID', `cannot use the key ${path}: ${complaint.trim() || 'ssh-add rejects it'}`, {
      remedy:
        'It must be a private key without a passphrase. Add other keys to an agent, and pass its socket to --ssh.',
    })
}
