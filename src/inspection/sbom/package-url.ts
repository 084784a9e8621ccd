import type { InstalledPackage } from '../../api/index.ts'
import type { Distribution } from './distribution.ts'

/** The package's URL: `pkg:deb/debian/zlib1g@1:1.2.13?arch=amd64&distro=debian-12`. (package-url/purl-spec, PURL-TYPES) */
export function packageUrl(one: InstalledPackage, { id, version: release }: Distribution): string {
  const { type, arch, source } = one
  if (type === 'npm') {
    const [scope, name] = one.name.startsWith('@') ? one.name.split('/', 2) : [undefined, one.name]
    return `pkg:npm/${scope === undefined ? '' : `${encode(scope)}/`}${encode(name ?? '')}@${encode(one.version)}`
  }
  if (type === 'pypi') return `pkg:pypi/${encode(one.name.toLowerCase().replaceAll('_', '-'))}@${encode(one.version)}`
  const [, epoch, version = ''] = (type === 'rpm' ? /^(?:(\d+):)?(.*)$/s.exec(one.version) : null) ?? [
    '',
    undefined,
    one.version,
  ]
  const qualifiers = {
    arch,
    distro: id === undefined ? undefined : release === undefined ? id : `${id}-${release}`,
    epoch: epoch === '0' ? undefined : epoch,
    upstream: source === one.name ? undefined : source,
  }
  const query = Object.entries(qualifiers)
    .flatMap(([key, value]) => (value === undefined || value === '' ? [] : [`${key}=${encode(value)}`]))
    .join('&')
  const vendor = id ?? { apk: 'alpine', deb: 'debian', rpm: 'redhat' }[type]
  const name = type === 'rpm' ? one.name : one.name.toLowerCase()
  return `pkg:${type}/${encode(vendor)}/${encode(name)}@${encode(version)}${query === '' ? '' : `?${query}`}`
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/%3A/g, ':')
}
