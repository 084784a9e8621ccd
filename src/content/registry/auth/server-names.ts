const hub = ['docker.io', 'index.docker.io', 'registry-1.docker.io']

/** What credential helpers call a registry, and what a login is kept under. Docker Hub has an old address as its name. */
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
 * The key that fits best: of the repository, of what is above it, of the registry as it is called in image names, of the
 * registry in another spelling.
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
 * `https://registry.example/any/path` → `registry.example`, as docker reads it; without a scheme, a path is podman's: a
 * repository, or what is above it.
 */
function nameOf(key: string): string {
  const [, address] = /^https?:\/\/([^/]*)/i.exec(key) ?? []
  return (address ?? key.replace(/\/(?:v[12]\/?)?$/, '')).toLowerCase()
}
