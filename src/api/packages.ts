/** How a package came into an image. The words are those of package URLs. */
export type PackageType = 'apk' | 'deb' | 'rpm' | 'npm' | 'pypi'

/** A package that a database in an image lists as installed. */
export interface InstalledPackage {
  readonly type: PackageType
  readonly name: string
  /** With epoch and release, where the type has them: `1:2.0-3`. */
  readonly version: string
  readonly arch?: string
  /** As the package states it. */
  readonly license?: string
  /** What it was built from, where that has another name: the source package or the origin. */
  readonly source?: string
  /** Bytes on disk, as the database states them. */
  readonly size?: number
  /** Path in the image of the file that lists it. */
  readonly database: string
  /** Paths in the image, without directories where the database tells them apart. Only where files were asked for. */
  readonly files?: readonly string[]
}

/** A database that is there and was not read. */
export interface UnreadDatabase {
  readonly type: PackageType
  readonly path: string
  readonly reason: string
}

/** The packages of an image, as their databases list them. */
export interface PackageList {
  /** By type, name and version. */
  readonly packages: readonly InstalledPackage[]
  readonly unread: readonly UnreadDatabase[]
}
