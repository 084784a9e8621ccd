import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolderOfMode } from '../../../disk/index.ts'
import { makeFile } from '../rootfs/index.ts'
import type { Command } from '../step/index.ts'

/** Returns what the command's machine is called. */
export function hostnameOf({ hostname = 'buildkitsandbox' }: Command): string {
  return hostname
}

/** Returns /etc/hosts with additional entries. */
export function hostsFile(command: Command): string {
  const lines = [`127.0.0.1\tlocalhost ${hostnameOf(command)}`, '::1\tlocalhost ip6-localhost ip6-loopback']
  return [...lines, ...command.hosts.map(([name, address]) => `${address}\t${name}`), ''].join('\n')
}

/** Returns the machine's name servers: a step shares its network. */
export function resolvFile(): string {
  for (const path of ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']) {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      // Tries the next one.
    }
  }
  return 'nameserver 8.8.8.8\nnameserver 8.8.4.4\n'
}

export const deviceNames = ['null', 'zero', 'full', 'random', 'urandom', 'tty'] as const

/** Creates a folder to become /dev: symlinks, and mount points for devices. Returns the devices the machine has. */
export function makeDevFolder(path: string): string[] {
  makeFolderOfMode(path, 0o755)
  for (const name of ['pts', 'mqueue', 'pipes']) makeFolderOfMode(join(path, name), 0o755)
  // runc gives a mount the mode of its mount point.
  makeFolderOfMode(join(path, 'shm'), 0o1777)
  const devices = deviceNames.filter((name) => existsSync(`/dev/${name}`))
  for (const name of devices) makeFile(join(path, name), '', 0o644)
  const links = {
    fd: '/proc/self/fd',
    stdin: '/proc/self/fd/0',
    stdout: '/proc/self/fd/1',
    stderr: '/proc/self/fd/2',
    ptmx: 'pts/ptmx',
  }
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(path, name))
  return devices
}
