import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

// A dockerd of the test's own, without networks and with its files in one folder.

export interface DockerDaemon {
  /** Runs a docker command; throws with what it said where it fails. */
  docker(args: readonly string[], cwd?: string): string
  /** What it has logged so far. */
  said(): string
  stop(): Promise<void>
}

/** Starts dockerd, or says why it does not start here: it needs rights that not every root has. */
export async function startDockerDaemon(
  home: string,
  driver = 'vfs',
  flags: readonly string[] = [],
): Promise<DockerDaemon | string> {
  mkdirSync(home, { recursive: true })
  const host = `unix://${join(home, 'docker.sock')}`
  const daemon = spawn(
    'dockerd',
    [
      ...['--iptables=false', '--bridge=none', `--storage-driver=${driver}`, '-H', host],
      ...['--data-root', join(home, 'data'), '--exec-root', join(home, 'exec'), '--pidfile', join(home, 'pid')],
      ...flags,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  daemon.stderr.on('data', (text) => {
    said += text
  })
  const ended = new Promise<void>((resolve) => daemon.once('close', () => resolve()))
  const stop = async () => {
    daemon.kill('SIGTERM')
    await ended
    unmountBelow(home)
  }
  // A newer client may want a plugin to build with BuildKit; Debian's does not.
  const environment = { ...process.env, DOCKER_HOST: host, DOCKER_BUILDKIT: '1' }
  const run = (client: string, args: readonly string[], cwd?: string) =>
    execFileSync(client, args, {
      env: environment,
      encoding: 'utf8',
      maxBuffer: 1 << 24,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
    })
  if (!(await answers(() => run('docker', ['version']), daemon))) {
    await stop()
    return `dockerd does not start here: ${said.trim().split('\n').at(-1)}`
  }
  const client = ['docker', '/usr/bin/docker'].find((client) => canBuild(() => run(client, ['build', '--help'])))
  if (client === undefined) {
    await stop()
    return 'no docker client here builds with BuildKit'
  }
  return { docker: (args, cwd) => run(client, args, cwd), said: () => said, stop }
}

/** What a daemon that ends in mid-build leaves mounted, deepest first: its folder could not be removed. */
function unmountBelow(folder: string): void {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  const targets = mounts.map((line) => line.split(' ')[4] ?? '').filter((target) => target.startsWith(`${folder}/`))
  for (const target of targets.reverse()) execFileSync('umount', ['-l', target])
}

async function answers(ask: () => void, daemon: ChildProcess): Promise<boolean> {
  for (let i = 0; i < 150 && daemon.exitCode === null; i++) {
    try {
      ask()
      return true
    } catch {
      await sleep(200)
    }
  }
  return false
}

function canBuild(help: () => string): boolean {
  try {
    return help().includes('--secret')
  } catch {
    return false
  }
}
