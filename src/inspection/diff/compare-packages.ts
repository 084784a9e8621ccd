import type { InstalledPackage, PackageDifference } from '../../api/index.ts'

/** Compares two lists of packages by type and name. A name may be installed in several versions. */
export function comparePackages(
  a: readonly InstalledPackage[],
  b: readonly InstalledPackage[],
): readonly PackageDifference[] {
  const before = byName(a)
  const after = byName(b)
  const found: PackageDifference[] = []
  for (const key of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const old = less(before.get(key) ?? [], after.get(key) ?? [])
    const now = less(after.get(key) ?? [], before.get(key) ?? [])
    const some = old[0] ?? now[0]
    if (some === undefined) continue
    const { type, name } = some
    // One for one is a change; with several, the pairs are ambiguous.
    if (old.length === 1 && now.length === 1) found.push({ kind: 'changed', type, name, a: old[0]!, b: now[0]! })
    else {
      for (const gone of old) found.push({ kind: 'removed', type, name, a: gone })
      for (const come of now) found.push({ kind: 'added', type, name, b: come })
    }
  }
  return found
}

function byName(packages: readonly InstalledPackage[]): ReadonlyMap<string, readonly InstalledPackage[]> {
  const names = new Map<string, InstalledPackage[]>()
  for (const found of packages) {
    const key = `${found.type}\0${found.name}`
    const known = names.get(key)
    if (known === undefined) names.set(key, [found])
    else known.push(found)
  }
  return names
}

/** Returns those in `all` without an equal in `others`, each of which counts once. */
function less(all: readonly InstalledPackage[], others: readonly InstalledPackage[]): readonly InstalledPackage[] {
  const left = new Map<string, number>()
  for (const other of others) left.set(factsOf(other), (left.get(factsOf(other)) ?? 0) + 1)
  return all.filter((found) => {
    const count = left.get(factsOf(found)) ?? 0
    left.set(factsOf(found), count - 1)
    return count <= 0
  })
}

function factsOf({ version, arch, license }: InstalledPackage): string {
  return [version, arch, license].join('\0')
}
