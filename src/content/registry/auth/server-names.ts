const hub = ['docker.io', 'index.docker.io', 'registry-1.docker.io']

/** Returns the keys under which a registry's login may be stored. Docker Hub uses its old URL. */
export function serverKeys(registry: string): readonly string[] {
  if (registry === 'docker.io') return ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io']
  return [...new Set([registry, registry.toLowerCase()])]
}

/** Whether a key of a login file is for the registry as a whole. */
export function isFor(key: string, registry: string): boolean {
  const name = nameOf(key)
  return name === registry.toLowerCase() || (registry === 'docker.io' && hub.includes(name))
}

/**
 * Returns the best matching key: for the repository, a prefix of it, the registry as named in image names, or the registry in
 * another spelling.
 */
export function bestKey(keys: readonly string[], registry: string, repository: string): string | undefined {
  const parts = repository === '' ? [] : repository.split('/')
  for (let count = parts.length; count > 0; count--) {
    const name = `${registry}/${parts.slice(0, count).join('/')}`
    const found = keys.find((key) => nameOf(key) === name)
    if (found !== undefined) return found
  }
  return keys.find((key) => key === registry) ?? keys.find((key) => isFor(key, registry))
}

/**
 * Parses a key: `https://registry.example/any/path` is `registry.example`, as docker reads it; without a scheme, a path is a
 * repository or a prefix of one, as in podman.
 */
function nameOf(key: string): string {
  const [, address] = /^https?:\/\/([^/]*)/i.exec(key) ?? []
  return (address ?? key.replace(/\/(?:v[12]\/?)?$/, '')).toLowerCase()
}
