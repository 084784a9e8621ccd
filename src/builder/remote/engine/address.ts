import { TareError, withoutCredentials } from '../../../support/index.ts'

/** The files of a TLS connection. */
export interface TlsFiles {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly serverName?: string | undefined
  /** Any certificate will do: only if a docker context says so. */
  readonly anyServer?: boolean | undefined
}

/** How an engine is reached. */
export type EngineAddress = { readonly text: string } & (
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'tls'; readonly host: string; readonly port: number; readonly files: TlsFiles }
  /** A program whose input and output are the connection. */
  | { readonly kind: 'command'; readonly argv: readonly string[] }
)

const schemes =
  'unix://, tcp://, tls://, ssh://, docker://CONTEXT, docker-container://, podman-container://, nerdctl-container://, kube-pod://'

/**
 * Reads the address of an engine, except `docker://CONTEXT`. Throws `ENGINE_ADDRESS`: for a host or a name that could be taken for
 * an option as well, since it becomes an argument of a program.
 */
export function readAddress(text: string): EngineAddress {
  const scheme = /^([a-z][a-z0-9-]*):\/\//.exec(text)?.[1]
  switch (scheme) {
    case 'unix':
      return { text, kind: 'socket', path: socketPath(text) }
    case 'tcp':
    case 'tls':
      return network(text, scheme)
    case 'ssh':
      return { text, kind: 'command', argv: sshCommand(text, socketOfSsh(text, 'buildctl')) }
    case 'docker-container':
      return container(text, 'docker')
    case 'podman-container':
      return container(text, 'podman')
    case 'nerdctl-container':
      return container(text, 'nerdctl')
    case 'kube-pod':
      return pod(text)
    default:
      throw invalid(text, `Use ${schemes}, or the name of a builder of buildx or of a docker context.`)
  }
}

/** Returns the command for a docker daemon behind `ssh://[USER@]HOST[:PORT]`. */
export function dockerOverSsh(text: string): EngineAddress {
  return { text, kind: 'command', argv: sshCommand(text, socketOfSsh(text, 'docker')) }
}

function socketPath(text: string): string {
  const path = text.slice('unix://'.length)
  if (!path.startsWith('/') || path.includes('\0'))
    throw invalid(text, 'The path must be absolute: unix:///run/buildkit/buildkitd.sock.')
  return path
}

function parse(text: string): URL {
  if (!URL.canParse(text)) throw invalid(text, 'It is not a URL.')
  // A scheme that URL knows gets a host in lower case and a default port; others do not.
  return new URL(text)
}

function network(text: string, kind: 'tcp' | 'tls'): EngineAddress {
  const url = parse(text)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = Number(url.port)
  if (host === '' || !(port > 0)) throw invalid(text, `Write ${kind}://HOST:PORT.`)
  if (url.username !== '' || url.pathname.replace('/', '') !== '') throw invalid(text, `Write ${kind}://HOST:PORT.`)
  const allowed = kind === 'tcp' ? ['insecure'] : ['ca', 'cert', 'key', 'servername']
  const given = parametersOf(text, url, allowed)
  if (given.has('cert') !== given.has('key')) throw invalid(text, 'cert and key belong together.')
  if (kind === 'tls')
    return {
      ...{ text, kind, host, port },
      files: {
        ca: given.get('ca'),
        cert: given.get('cert'),
        key: given.get('key'),
        serverName: given.get('servername'),
      },
    }
  if (given.get('insecure') !== 'true' && !isThisMachine(host))
    throw new TareError('ENGINE_ADDRESS', `${text} would send the build to another machine unencrypted`, {
      remedy: 'Use tls://, or add ?insecure=true if the network is trusted.',
    })
  return { text, kind, host, port }
}

function isThisMachine(host: string): boolean {
  return /^localhost$/i.test(host) || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

function parametersOf(text: string, { searchParams }: URL, allowed: readonly string[]): ReadonlyMap<string, string> {
  for (const name of searchParams.keys())
    if (!allowed.includes(name))
      throw invalid(text, `It has an unknown parameter ${name}; known: ${allowed.join(', ')}.`)
  return new Map(searchParams)
}

const hostName = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/
const userName = /^[A-Za-z_][A-Za-z0-9_.-]*$/

function socketOfSsh(text: string, program: 'buildctl' | 'docker'): readonly string[] {
  const { pathname } = parse(text)
  if (program === 'docker') return ['docker', 'system', 'dial-stdio']
  if (pathname === '' || pathname === '/') return ['buildctl', 'dial-stdio']
  // The other side's shell reads it.
  if (!/^\/[A-Za-z0-9_./-]+$/.test(pathname))
    throw invalid(text, 'The path of the socket has characters that a shell would read.')
  return ['buildctl', `--addr=unix://${pathname}`, 'dial-stdio']
}

function sshCommand(text: string, command: readonly string[]): readonly string[] {
  const { hostname, port, username, password } = parse(text)
  if (!hostName.test(hostname)) throw invalid(text, 'The host must be a name or an IPv4 address.')
  if (username !== '' && !userName.test(username)) throw invalid(text, 'The user name has unusual characters.')
  if (password !== '') throw invalid(text, 'ssh takes no password from an address: use a key or an agent.')
  return [
    ...['ssh', '-T', '-o', 'BatchMode=yes'],
    ...(username === '' ? [] : ['-l', username]),
    ...(port === '' ? [] : ['-p', port]),
    ...['--', hostname, ...command],
  ]
}

function nameIn(text: string): string {
  const name = /^[a-z-]+:\/\/([^/?#]*)\/?(?:\?|$)/.exec(text)?.[1] ?? ''
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name))
    throw invalid(text, 'The name may have letters, digits and _ . - only.')
  return name
}

function container(text: string, program: string): EngineAddress {
  parametersOf(text, parse(text), [])
  return { text, kind: 'command', argv: [program, 'exec', '-i', nameIn(text), 'buildctl', 'dial-stdio'] }
}

function pod(text: string): EngineAddress {
  const given = parametersOf(text, parse(text), ['context', 'namespace', 'container'])
  const flags = (...names: string[]) =>
    names.flatMap((name) => {
      const value = given.get(name)
      if (value === undefined) return []
      // Contexts are often addresses: arn:aws:eks:…, user@host.
      if (!/^[A-Za-z0-9][A-Za-z0-9_.:/@-]*$/.test(value)) throw invalid(text, `Its ${name} has unusual characters.`)
      return [`--${name}=${value}`]
    })
  const where = [...flags('context', 'namespace'), 'exec', ...flags('container'), '-i', nameIn(text)]
  return { text, kind: 'command', argv: ['kubectl', ...where, '--', 'buildctl', 'dial-stdio'] }
}

function invalid(text: string, remedy: string): TareError {
  return new TareError('ENGINE_ADDRESS', `invalid address of an engine: ${JSON.stringify(withoutCredentials(text))}`, {
    remedy,
  })
}
