import { spawn } from 'node:child_process'

/** Opens an address in this machine's browser, if it has a screen for one. Whether that works is not known. */
export function openBrowser(
  address: string,
  environment: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): boolean {
  const command = browserCommand(address, environment, platform)
  if (command === undefined) return false
  const [program, ...args] = command
  const child = spawn(program!, args, { detached: true, stdio: 'ignore', env: environment })
  child.on('error', () => {})
  child.unref()
  return true
}

/** Returns what opens an address; undefined without a screen. */
export function browserCommand(
  address: string,
  environment: NodeJS.ProcessEnv,
  platform: NodeJS.Platform,
): readonly string[] | undefined {
  if (platform === 'darwin') return ['open', address]
  if (platform === 'win32') return ['cmd', '/c', 'start', '""', address]
  const screen = environment['DISPLAY'] || environment['WAYLAND_DISPLAY']
  return screen ? ['xdg-open', address] : undefined
}
