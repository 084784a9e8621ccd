import { availableParallelism, release, totalmem } from 'node:os'
import type { TareInfo, VersionInfo } from '../../api/index.ts'
import { type Host, readImages } from '../../images/index.ts'
import { formatPlatform } from '../../oci/index.ts'
import { readVersion } from '../../support/index.ts'

/** The versions of tare and Node. */
export async function version(): Promise<VersionInfo> {
  return {
    version: readVersion(),
    nodeVersion: process.version.slice(1),
    os: process.platform === 'win32' ? 'windows' : process.platform,
    architecture: architectures[process.arch] ?? process.arch,
  }
}

/** This tare, its store and the machine it runs on. */
export async function info({ store, platform }: Host): Promise<TareInfo> {
  return {
    ...(await version()),
    home: store.home,
    platform: formatPlatform(platform),
    images: readImages(store, platform).length,
    cpus: availableParallelism(),
    memory: totalmem(),
    kernel: release(),
  }
}

// Node's names, where Go has others.
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' }
