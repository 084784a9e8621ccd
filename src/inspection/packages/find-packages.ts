import type { InstalledPackage, PackageList } from '../../api/index.ts'
import type { LayerTable } from '../../files/layer/index.ts'
import type { Tree } from '../../files/tree/index.ts'
import { findApkPackages } from './apk.ts'
import { type PackageOptions, PackageSearch } from './database.ts'
import { findDpkgPackages } from './dpkg.ts'
import { findLanguagePackages } from './language-packages.ts'
import { findRpmPackages } from './rpm.ts'

/**
 * Lists the packages installed according to a filesystem's databases. Anyone may have written these files: damaged or excessive
 * ones are reported as not read, and are not errors.
 */
export function findPackages(tree: Tree, options: PackageOptions = {}): PackageList {
  const search = new PackageSearch(tree, options)
  try {
    findApkPackages(search)
    findDpkgPackages(search)
    findRpmPackages(search)
    findLanguagePackages(search)
  } finally {
    search.close()
  }
  return { packages: search.packages.sort(byName), unread: search.unread }
}

function byName(a: InstalledPackage, b: InstalledPackage): number {
  for (const key of ['type', 'name', 'version', 'database'] as const) {
    if (a[key] < b[key]) return -1
    if (a[key] > b[key]) return 1
  }
  return 0
}

const packageFiles =
  /(?:^|\/)(?:apk\/db\/installed|dpkg\/status(?:\.d\/.*)?|rpmdb\.sqlite(?:-wal)?|rpm\/Packages(?:\.db)?|node_modules\/.*package\.json|[^/]*\.(?:dist|egg)-info(?:\/(?:METADATA|PKG-INFO))?)$/s

/** Whether `findPackages` may read a file with this path. */
export function isPackageFile(path: string): boolean {
  return packageFiles.test(path)
}

// What is before the names of such files; some have names of their own.
const packageFolders =
  /(?:^|\/)(?:apk\/db|dpkg|dpkg\/status\.d(?:\/.*)?|rpm|node_modules(?:\/.*)?|[^/]*\.(?:dist|egg)-info)\/$/s
const packageNames = ['rpmdb.sqlite', '.dist-info', '.egg-info'] as const

/** Whether a layer has such a file. */
export function hasPackageFile(table: LayerTable): boolean {
  return packageFilesOf(table).next().done !== true
}

/** Yields the paths of such files in a layer. Names are looked at only where there may be one. */
export function* packageFilesOf(table: LayerTable): Generator<string> {
  const isNamed = packageNames.some((name) => table.names.includes(name))
  const isLikely = table.prefixes.map((prefix) => isNamed || packageFolders.test(prefix))
  if (!isLikely.includes(true)) return
  const { prefix } = table.columns
  for (let i = 0; i < table.count; i++) {
    if (isLikely[prefix[i]!] === false) continue
    const path = table.path(i)
    if (isPackageFile(path)) yield path
  }
}
