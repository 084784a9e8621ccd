import type { ConfigDifference, HistoryDifference } from '../../api/index.ts'
import type { ImageConfig } from '../../oci/index.ts'
import { compareNames } from '../../support/index.ts'
import type { InspectedImage } from '../image.ts'
import type { Ignored } from './ignored.ts'

type Members = ReadonlyMap<string, string>

// Docker wrote these to the config of images, where nothing reads them.
const builderMembers = new Set([
  ...['Hostname', 'Domainname', 'AttachStdin', 'AttachStdout', 'AttachStderr', 'Tty', 'OpenStdin', 'StdinOnce'].map(
    (name) => `config.${name}`,
  ),
  ...['config.Image', 'config.ArgsEscaped', 'config.MacAddress', 'config.NetworkDisabled'],
  ...['container', 'container_config', 'docker_version', 'id', 'parent', 'parent_id', 'throwaway', 'Size'],
])
const builderNames = /^(?:moby\.|io\.buildah\.|com\.docker\.official|org\.opencontainers\.image\.base\.)/
const imageNames = /^(?:org\.opencontainers\.image\.ref\.name|io\.containerd\.image\.name)$/
const imageTimes = /^(?:org\.opencontainers\.image\.created|org\.label-schema\.build-date|build-date)$/

/** Returns the kind of a difference in this member. */
function kindOf(member: string): ConfigDifference['kind'] {
  const name = /^(?:config\.Labels|annotations)\.(.*)$/s.exec(member)?.[1] ?? member
  if (member === 'created' || imageTimes.test(name)) return 'image-times'
  if (imageNames.test(name)) return 'names'
  if (builderMembers.has(member) || builderNames.test(name)) return 'builder'
  if (member.startsWith('annotations.')) return 'annotations'
  return member.startsWith('config.Labels.') ? 'labels' : 'config'
}

/**
 * Compares config and annotations. Members without a value count as absent; any other difference of two configs is `json-format`.
 */
export function compareConfigs(a: InspectedImage, b: InspectedImage, ignored: Ignored): readonly ConfigDifference[] {
  const found: ConfigDifference[] = []
  const before = membersOf(a)
  const after = membersOf(b)
  for (const member of [...new Set([...before.keys(), ...after.keys()])].sort(compareNames)) {
    const values = valuesOf(before.get(member), after.get(member))
    if (values !== undefined) found.push({ kind: kindOf(member), member, ...values })
  }
  const isSame =
    a.manifest.config.digest === b.manifest.config.digest ||
    found.some(({ member }) => !member.startsWith('annotations.')) ||
    compareHistories(a, b).length > 0 ||
    a.config.diffIds.join() !== b.config.diffIds.join()
  if (!isSame) {
    const values = { a: a.manifest.config.digest, b: b.manifest.config.digest }
    found.push({ kind: 'json-format', member: 'digest', ...values })
  }
  return found.filter(({ kind }) => !ignored.has(kind))
}

/** Compares the history line by line. */
export function compareHistories(a: InspectedImage, b: InspectedImage, ignored?: Ignored): HistoryDifference[] {
  const found: HistoryDifference[] = []
  const lines = Math.max(a.config.history.length, b.config.history.length)
  for (let index = 0; index < lines; index++) {
    const before = a.config.history[index]
    const after = b.config.history[index]
    for (const member of ['created_by', 'comment', 'author', 'empty_layer', 'created'] as const) {
      const values = valuesOf(textOf(before?.[member]), textOf(after?.[member]))
      if (values !== undefined)
        found.push({ kind: member === 'created' ? 'image-times' : 'history', index, member, ...values })
    }
    // An empty line is a line too.
    if ((before === undefined) !== (after === undefined) && found.at(-1)?.index !== index)
      found.push({ kind: 'history', index, member: 'line', ...(before === undefined ? { b: '' } : { a: '' }) })
  }
  return ignored === undefined ? found : found.filter(({ kind }) => !ignored.has(kind))
}

function valuesOf(a: string | undefined, b: string | undefined): { a?: string; b?: string } | undefined {
  if (a === b) return undefined
  return { ...(a === undefined ? {} : { a }), ...(b === undefined ? {} : { b }) }
}

/** Returns the value as text; undefined for an empty one. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '' || value === false) return undefined
  if (typeof value === 'string') return value
  if (typeof value === 'object' && Object.keys(value).length === 0) return undefined
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([x], [y]) => compareNames(x, y)))
      : part,
  )
}

function membersOf({ config, manifest }: InspectedImage): Members {
  const members = new Map<string, string>()
  const set = (name: string, value: unknown) => {
    const text = textOf(value)
    if (text !== undefined) members.set(name, text)
  }
  const setEach = (name: string, values: Readonly<Record<string, unknown>>) => {
    // An empty value differs from a missing one.
    for (const [key, value] of Object.entries(values)) members.set(`${name}.${key}`, textOf(value) ?? '')
  }
  const { os, architecture, variant, osVersion } = config.platform
  for (const [name, value] of Object.entries({ os, architecture, variant, 'os.version': osVersion })) set(name, value)
  set('created', config.created)
  set('author', config.author)
  for (const [name, value] of Object.entries(config.rest)) set(name, value)
  for (const [name, value] of Object.entries(config.config)) {
    if (name === 'Env') setEach('config.Env', variablesOf(config))
    else if (name === 'Labels' || name === 'ExposedPorts' || name === 'Volumes')
      setEach(`config.${name}`, value as Readonly<Record<string, unknown>>)
    // The default working directory of a container.
    else if (name !== 'WorkingDir' || value !== '/') set(`config.${name}`, value)
  }
  setEach('annotations', manifest.annotations ?? {})
  return members
}

/** Returns variables by name. If a name occurs twice, which one counts depends on the program. */
function variablesOf({ config }: ImageConfig): Readonly<Record<string, string>> {
  const variables = Object.create(null) as Record<string, string>
  for (const line of config.Env ?? []) {
    const sign = line.indexOf('=')
    const name = sign < 0 ? line : line.slice(0, sign)
    const value = sign < 0 ? '(no value)' : line.slice(sign + 1)
    variables[name] = name in variables ? `${variables[name]}\n${value}` : value
  }
  return variables
}
