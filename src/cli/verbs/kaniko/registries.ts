import { UsageError } from '../../failure.ts'

/** What kaniko's flags say of registries. */
export interface RegistrySettings {
  /** `docker.io=mirror.example;other.example,gcr.io=…`. */
  readonly maps: readonly string[]
  /** Mirrors of docker.io. */
  readonly mirrors: readonly string[]
  readonly insecure: readonly string[]
  /** The registry itself is not asked if it has mirrors. */
  readonly mirrorsOnly: boolean
}

/** Returns them as a registries.conf; undefined if nothing is said. */
export function registriesConf({ maps, mirrors, insecure, mirrorsOnly }: RegistrySettings): string | undefined {
  const all = new Map<string, string[]>()
  const add = (registry: string, more: readonly string[]) =>
    all.set(registry, [...(all.get(registry) ?? []), ...more.filter(Boolean)])
  if (mirrors.length > 0) add('docker.io', mirrors)
  for (const map of maps.flatMap((text) => text.split(',')).filter(Boolean)) {
    const [registry, list] = map.split('=')
    if (!registry || !list) throw new UsageError(`invalid registry map "${map}"`, 'Write docker.io=mirror.example.')
    add(registry === 'index.docker.io' ? 'docker.io' : registry, list.split(';'))
  }
  for (const registry of insecure) add(registry, [])
  const isInsecure = (place: string) => insecure.includes(place.split('/')[0]!)
  const tables = [...all].map(([registry, list]) => {
    // With mirrors alone, the last of them takes the registry's place.
    const own = mirrorsOnly ? (list.at(-1) ?? registry) : registry
    const others = mirrorsOnly ? list.slice(0, -1) : list
    return [
      table('registry', `prefix = ${quote(registry)}\n`, own, isInsecure(own)),
      ...others.map((mirror) => table('registry.mirror', '', mirror, isInsecure(mirror))),
    ].join('')
  })
  return tables.length === 0 ? undefined : tables.join('')
}

function table(name: string, head: string, location: string, insecure: boolean): string {
  return `[[${name}]]\n${head}location = ${quote(location)}\ninsecure = ${insecure}\n`
}

function quote(text: string): string {
  if (/^[\w.:/-]+$/.test(text)) return `"${text}"`
  throw new UsageError(`invalid registry "${text}"`, 'Write HOST, HOST:PORT or HOST/PATH.')
}
