import { type Digest, goJson } from '../../oci/index.ts'
import { compareNames, sha256, sha256Hex } from '../../support/index.ts'

/** A layer in Docker's first image format, in which every layer is an image with a parent. */
export interface V1Image {
  /** 64 hex digits. */
  readonly id: string
  readonly parent: string | undefined
  /** The content of `<id>/json`. */
  readonly json: string
}

type Json = Readonly<Record<string, unknown>>

/**
 * Returns the chain of v1 images for a config's layers, lowest first: stubs, and on top the config itself. IDs and JSON equal
 * Docker 20.10's, so that the same image gets the same names from both.
 */
export function v1Images(config: Json, diffIds: readonly Digest[]): readonly V1Image[] {
  const os = typeof config['os'] === 'string' ? config['os'] : ''
  const images: V1Image[] = []
  let chain: Digest | undefined
  for (const [i, diffId] of diffIds.entries()) {
    chain = chain === undefined ? diffId : sha256(`${chain} ${diffId}`)
    const body = i === diffIds.length - 1 ? topBody(config) : stubBody
    const parent = images.at(-1)?.id
    const id = idOf({ ...body, layer_id: chain, ...(parent === undefined ? {} : { parent: `sha256:${parent}` }) })
    // Members are in the order of Docker's V1Image, with "os" last.
    const json = goJson({ id, parent, ...body, os: undefined, ...(os === '' ? {} : { os }) })
    images.push({ id, parent, json })
  }
  return images
}

function idOf(body: Json): string {
  return sha256Hex(goJson(sorted(body)))
}

const stubBody: Json = { created: '1970-01-01T00:00:00Z', container_config: containerConfig({}) }

function topBody(config: Json): Json {
  return {
    comment: text(config['comment']),
    created: text(config['created']) ?? '0001-01-01T00:00:00Z',
    container: text(config['container']),
    container_config: containerConfig(object(config['container_config']) ?? {}),
    docker_version: text(config['docker_version']),
    author: text(config['author']),
    config: object(config['config']) === undefined ? undefined : containerConfig(object(config['config'])!),
    architecture: text(config['architecture']),
    variant: text(config['variant']),
    os: text(config['os']),
  }
}

/** Returns Docker's container.Config as Go prints it: most members always, as null if empty. */
function containerConfig(raw: Json): Json {
  const string = (key: string) => text(raw[key]) ?? ''
  const flag = (key: string) => raw[key] === true
  const list = (key: string) => (Array.isArray(raw[key]) ? raw[key] : null)
  const map = (key: string) => (object(raw[key]) === undefined ? null : sorted(object(raw[key])!))
  return {
    Hostname: string('Hostname'),
    Domainname: string('Domainname'),
    User: string('User'),
    AttachStdin: flag('AttachStdin'),
    AttachStdout: flag('AttachStdout'),
    AttachStderr: flag('AttachStderr'),
    ExposedPorts: filled(map('ExposedPorts')),
    Tty: flag('Tty'),
    OpenStdin: flag('OpenStdin'),
    StdinOnce: flag('StdinOnce'),
    Env: list('Env'),
    Cmd: list('Cmd'),
    Healthcheck: object(raw['Healthcheck']),
    ArgsEscaped: flag('ArgsEscaped') || undefined,
    Image: string('Image'),
    Volumes: map('Volumes'),
    WorkingDir: string('WorkingDir'),
    Entrypoint: list('Entrypoint'),
    NetworkDisabled: flag('NetworkDisabled') || undefined,
    MacAddress: text(raw['MacAddress']),
    OnBuild: list('OnBuild'),
    Labels: map('Labels'),
    StopSignal: text(raw['StopSignal']),
    StopTimeout: typeof raw['StopTimeout'] === 'number' ? raw['StopTimeout'] : undefined,
    Shell: list('Shell') ?? undefined,
  }
}

function sorted(map: Json): Json {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => compareNames(a, b)))
}

function filled(map: Json | null): Json | undefined {
  return map === null || Object.keys(map).length === 0 ? undefined : map
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function object(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
}
