import type { CheckFinding } from '../../api/index.ts'
import type { Filesystem } from './filesystem.ts'
import { finding } from './finding.ts'
import type { CheckedProgram } from './program.ts'

// Where TLS libraries and Go look for CAs. (Go, crypto/x509/root_linux.go)
const authorities = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]
const authorityFolders = ['/etc/ssl/certs', '/etc/pki/tls/certs']
const tlsLibraries = /(?:^|\/)lib(?:ssl|gnutls|mbedtls|wolfssl|nss3|tls)\.so/

/** Checks what a program needs around it: CAs for TLS, time zones, /tmp. */
export function checkSurroundings(
  files: Filesystem,
  programs: readonly CheckedProgram[],
  environment: ReadonlyMap<string, string>,
): readonly CheckFinding[] {
  return [
    ...checkAuthorities(files, programs, environment),
    ...checkTimeZone(files, environment),
    ...checkTemporary(files, programs),
  ]
}

function checkAuthorities(
  files: Filesystem,
  programs: readonly CheckedProgram[],
  environment: ReadonlyMap<string, string>,
): readonly CheckFinding[] {
  const told = [environment.get('SSL_CERT_FILE'), ...(environment.get('SSL_CERT_DIR') ?? '').split(':')]
  const isThere =
    [...authorities, ...told].some((path) => path !== undefined && path !== '' && files.find(path) !== undefined) ||
    authorityFolders.some((path) => {
      const node = files.find(path)
      return node?.kind === 'directory' && node.children.size > 0
    })
  if (isThere) return []
  for (const { path, file, libraries } of programs) {
    const library = libraries.find((one) => tlsLibraries.test(one))
    // A program that looks for CAs itself, as Go's do, contains the path.
    const looks = library !== undefined || files.contains(file, /\/etc\/ssl\/certs\/ca-certificates\.crt/)
    if (!looks) continue
    const how = library === undefined ? 'looks for certificate authorities' : `is linked with /${library}`
    return [
      finding('CertificatesMissing', 'warning', `/${path} ${how}, and the image has none`, {
        path,
        reason: 'Every connection by TLS fails: "certificate signed by unknown authority".',
        remedy: 'Install ca-certificates, or copy /etc/ssl/certs/ca-certificates.crt from another stage.',
      }),
    ]
  }
  return []
}

function checkTimeZone(files: Filesystem, environment: ReadonlyMap<string, string>): readonly CheckFinding[] {
  const zone = (environment.get('TZ') ?? '').replace(/^:/, '')
  // A rule (CET-1CEST) and UTC need no data.
  if (!zone.includes('/') || zone.startsWith('/')) return []
  if (files.find(`/usr/share/zoneinfo/${zone}`) !== undefined) return []
  return [
    finding('TimeZoneMissing', 'warning', `TZ is ${zone}, for which the image has no data`, {
      path: `usr/share/zoneinfo/${zone}`,
      reason: 'Times are in UTC without a word, or the program refuses the zone.',
      remedy: 'Install tzdata, or link the data into the program (Go: import _ "time/tzdata").',
    }),
  ]
}

function checkTemporary(files: Filesystem, programs: readonly CheckedProgram[]): readonly CheckFinding[] {
  const node = files.find('/tmp')
  if (node === undefined) {
    const user = programs.find(({ file }) => files.contains(file, /(?<!\/var|\/usr)\/tmp/))
    if (user === undefined) return []
    return [
      finding('TemporaryFolderMissing', 'note', `/${user.path} may use /tmp, which the image does not have`, {
        path: 'tmp',
        reason: 'Temporary files cannot be made: "no such file or directory".',
        remedy: 'Mount a tmpfs there, or make the directory with mode 1777.',
      }),
    ]
  }
  if (node.kind === 'directory' && (node.mode & 0o7777) === 0o1777) return []
  const mode = `0${(node.mode & 0o7777).toString(8)}`
  const isOpen = node.kind === 'directory' && (node.mode & 0o002) !== 0
  return [
    finding(
      'TemporaryFolderModes',
      'warning',
      node.kind === 'directory' ? `/tmp has mode ${mode}` : '/tmp is no directory',
      {
        path: 'tmp',
        reason: isOpen
          ? 'Every user may remove the files of every other there.'
          : 'Users other than its owner cannot make temporary files.',
        remedy: 'Give it mode 1777.',
      },
    ),
  ]
}
