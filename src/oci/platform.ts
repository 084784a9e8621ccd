import { TareError } from '../support/index.ts'

/** (image-spec, image-index.md, "platform") */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
  readonly osVersion?: string
}

const systems = new Set([
  'aix',
  'android',
  'darwin',
  'dragonfly',
  'freebsd',
  'illumos',
  'ios',
  'js',
  'linux',
  'netbsd',
  'openbsd',
  'plan9',
  'solaris',
  'wasip1',
  'windows',
  'zos',
])
const architectures = new Set([
  '386',
  'amd64',
  'arm',
  'arm64',
  'loong64',
  'mips',
  'mips64',
  'mips64le',
  'mipsle',
  'ppc64',
  'ppc64le',
  'riscv64',
  's390x',
  'wasm',
])
const component = /^[A-Za-z0-9_.-]+$/

/**
 * Parses `os[(version)]/arch[/variant]`, or a single word naming a known operating system or architecture. Missing parts are taken from `local`.
 * Throws `PLATFORM_INVALID`. (containerd/platforms)
 */
export function parsePlatform(text: string, local: Platform): Platform {
  const parts = text.split('/')
  const invalid = (why: string) =>
    new TareError('PLATFORM_INVALID', `invalid platform "${text}": ${why}`, {
      remedy: 'Write os/architecture or os/architecture/variant, such as linux/amd64 or linux/arm/v7.',
    })
  if (text.includes('*')) throw invalid('wildcards are not supported')
  if (parts.length > 3) throw invalid('it has more than three parts')
  const system = /^([^()]*)(?:\(([^()]*)\))?$/.exec(parts[0]!)
  if (system === null) throw invalid('its operating system is invalid')
  const osVersion = system[2] === undefined ? {} : { osVersion: system[2] }
  const names = [system[1]!, ...parts.slice(1)]
  if (!names.every((name) => component.test(name))) throw invalid('a part has an invalid character or is empty')
  const first = names[0]!.toLowerCase()
  if (names.length === 1) {
    const os = normalizeSystem(first)
    if (systems.has(os))
      return {
        os,
        architecture: local.architecture,
        ...(local.variant === undefined ? {} : { variant: local.variant }),
        ...osVersion,
      }
    const machine = normalizeMachine(first, '')
    if (architectures.has(machine.architecture)) return { os: local.os, ...machine }
    throw invalid('it is not a known operating system or architecture')
  }
  return { os: normalizeSystem(first), ...normalizeMachine(names[1]!, names[2] ?? ''), ...osVersion }
}

/** Normalizes a platform for comparison and display: canonical names, and no redundant variant. */
export function normalizePlatform(platform: Platform): Platform {
  return {
    os: normalizeSystem(platform.os.toLowerCase()),
    ...normalizeMachine(platform.architecture, platform.variant ?? ''),
    ...(platform.osVersion === undefined ? {} : { osVersion: platform.osVersion }),
  }
}

/** Formats a platform as `os/arch[/variant]`. */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant]
    .filter((part) => part !== undefined && part !== '')
    .join('/')
}

function normalizeSystem(os: string): string {
  return os === 'macos' ? 'darwin' : os
}

function normalizeMachine(architecture: string, variant: string): { architecture: string; variant?: string } {
  const arch = architecture.toLowerCase()
  const v = variant.toLowerCase()
  const made = (architecture: string, variant = '') => (variant === '' ? { architecture } : { architecture, variant })
  switch (arch) {
    case 'i386':
      return made('386')
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return made('amd64', v === 'v1' ? '' : v)
    case 'aarch64':
    case 'arm64':
      return made(
        'arm64',
        v === '8' || v === 'v8' || v === 'v8.0' ? '' : v === '9' || v === '9.0' || v === 'v9.0' ? 'v9' : v,
      )
    case 'armhf':
      return made('arm', 'v7')
    case 'armel':
      return made('arm', 'v6')
    case 'arm':
      return made('arm', v === '' || v === '7' ? 'v7' : /^[568]$/.test(v) ? `v${v}` : v)
    default:
      return made(arch, v)
  }
}

/** Lists the platforms whose images run on `wanted`, best first. (containerd/platforms, Only) */
export function compatiblePlatforms(wanted: Platform): readonly Platform[] {
  const { os, architecture, variant } = normalizePlatform(wanted)
  const level = Number(/^v(\d+)$/.exec(variant ?? '')?.[1] ?? Number.NaN)
  const down = (from: number, to: number) => Array.from({ length: Math.max(0, from - to + 1) }, (_, i) => from - i)
  if (architecture === 'amd64') {
    const lower = Number.isNaN(level) ? [] : down(level, 2).map((n) => ({ os, architecture, variant: `v${n}` }))
    return [...lower, { os, architecture }, { os, architecture: '386' }]
  }
  if (architecture === 'arm')
    return down(Number.isNaN(level) ? 7 : level, 5).map((n) => ({ os, architecture, variant: `v${n}` }))
  if (architecture === 'arm64') {
    const own =
      variant === undefined
        ? [{ os, architecture }]
        : [
            { os, architecture, variant },
            { os, architecture },
          ]
    return [...own, ...down(8, 5).map((n) => ({ os, architecture: 'arm', variant: `v${n}` }))]
  }
  return [variant === undefined ? { os, architecture } : { os, architecture, variant }]
}

/** Ranks `offered` among the platforms `wanted` can run, 0 being best; undefined if it cannot run there. */
export function matchPlatform(wanted: Platform, offered: Platform): number | undefined {
  const text = formatPlatform(normalizePlatform(offered))
  const place = compatiblePlatforms(wanted).findIndex((platform) => formatPlatform(platform) === text)
  return place < 0 ? undefined : place
}

/** Returns the best candidate for a platform, the first of equals, or undefined if none runs there. Candidates without a platform are ignored. */
export function choosePlatform<T>(
  wanted: Platform,
  offers: readonly T[],
  platformOf: (offer: T) => Platform | undefined,
  rank: (wanted: Platform, offered: Platform) => number | undefined = matchPlatform,
): { readonly offer: T; readonly rank: number } | undefined {
  let best: { readonly offer: T; readonly rank: number } | undefined
  for (const offer of offers) {
    const platform = platformOf(offer)
    const place = platform === undefined ? undefined : rank(wanted, platform)
    if (place !== undefined && (best === undefined || place < best.rank)) best = { offer, rank: place }
  }
  return best
}
