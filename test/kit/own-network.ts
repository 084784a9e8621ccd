import { spawnSync } from 'node:child_process'
import { isRoot } from './cli.ts'

const script = `
import fcntl, os, socket, struct, sys
# SIOCSIFFLAGS: up and running
fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh', b'lo', 0x41))
os.execvp(sys.argv[1], sys.argv[1:])
`

/**
 * A command in front of another, which gives it a loopback of its own: ports that it has to use are nobody else's there. Empty where
 * that may not be; then whoever else uses these ports at the same time is in the way.
 */
export function ownNetwork(): readonly string[] {
  const wrapper = ['unshare', '--net', 'python3', '-c', script]
  if (isRoot && spawnSync(wrapper[0]!, [...wrapper.slice(1), 'true'], { stdio: 'ignore' }).status === 0) return wrapper
  console.warn('the ports are shared with all of this machine: a network of its own needs root')
  return []
}
