import type { MutateOptions } from '../../api/index.ts'
import { parseExpose } from '../../dockerfile/values/index.ts'
import { normalizePlatform, type Platform, parsePlatform, sortedMembers } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

type Json = Readonly<Record<string, unknown>>

/** What changes of a config. */
export type ConfigChange = Pick<
  MutateOptions,
  'env' | 'labels' | 'entrypoint' | 'cmd' | 'user' | 'workdir' | 'exposedPorts' | 'platform'
>

/** Returns an image's config with the changes; members that they do not name stay. Throws `OPTION_INVALID`. */
export function changeConfig(config: Json, change: ConfigChange, machine: Platform): Json {
  const old = (config['config'] ?? {}) as Json
  const isWindows = config['os'] === 'windows'
  const { workdir = '' } = change
  if (workdir !== '' && !workdir.startsWith('/') && !isWindows)
    throw invalid(`the working directory ${JSON.stringify(workdir)} is not an absolute path`)
  const ports = change.exposedPorts?.flatMap((port) => portsOf(port))
  const changed: Record<string, unknown> = {
    ...old,
    ...(change.env === undefined ? {} : { Env: changeEnv(old['Env'], change.env, isWindows) }),
    ...(change.labels === undefined ? {} : { Labels: sortedMembers({ ...(old['Labels'] as Json), ...change.labels }) }),
    // As in a Dockerfile: the old command was one for the old entrypoint.
    ...(change.entrypoint === undefined ? {} : { Entrypoint: listOf(change.entrypoint), Cmd: undefined }),
    ...(change.cmd === undefined ? {} : { Cmd: listOf(change.cmd) }),
    ...(change.user === undefined ? {} : { User: change.user || undefined }),
    ...(change.workdir === undefined ? {} : { WorkingDir: change.workdir || undefined }),
    ...(ports === undefined
      ? {}
      : {
          ExposedPorts:
            ports.length === 0 ? undefined : sortedMembers(Object.fromEntries(ports.map((port) => [port, {}]))),
        }),
  }
  return { ...config, ...(change.platform === undefined ? {} : platformOf(change.platform, machine)), config: changed }
}

function listOf(words: readonly string[]): readonly string[] | undefined {
  return words.length === 0 ? undefined : words
}

/** Each variable keeps its place; new ones follow. */
function changeEnv(old: unknown, env: Readonly<Record<string, string>>, isWindows: boolean): readonly string[] {
  const keyOf = (name: string) => (isWindows ? name.toLowerCase() : name)
  const left = new Map<string, readonly [name: string, value: string]>()
  for (const [name, value] of Object.entries(env)) {
    if (name === '' || /[=\0]/.test(name)) throw invalid(`"${name}" cannot be the name of a variable`)
    left.set(keyOf(name), [name, value])
  }
  const kept = (Array.isArray(old) ? (old as string[]) : []).flatMap((line) => {
    const name = line.split('=', 1)[0]!
    const fresh = left.get(keyOf(name))
    if (fresh === undefined) return env[name] === undefined ? [line] : []
    left.delete(keyOf(name))
    return [`${name}=${fresh[1]}`]
  })
  return [...kept, ...[...left.values()].map(([name, value]) => `${name}=${value}`)]
}

function portsOf(port: string): readonly string[] {
  try {
    return parseExpose(port).ports
  } catch (error) {
    if (error instanceof TareError) throw invalid(error.message)
    throw error
  }
}

function platformOf(text: string, machine: Platform): Json {
  const { os, architecture, variant, osVersion } = normalizePlatform(parsePlatform(text, machine))
  return { os, architecture, variant, ...(osVersion === undefined ? {} : { 'os.version': osVersion }) }
}

function invalid(message: string): TareError {
  return new TareError('OPTION_INVALID', message)
}
