import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type FileSpec, openBench, shared, writeFiles } from '../../../test/kit/cli.ts'
import { type ElfSpec, elfFile } from '../../../test/kit/elf.ts'
import { unlessMissing } from '../../../test/kit/needs.ts'
import type { CheckFinding, CheckSilence } from '../../api/index.ts'
import { openTare } from '../../verbs/index.ts'

const program = (spec: ElfSpec = {}): FileSpec => ({ content: elfFile(spec), mode: 0o755 })
const script = (text: string): FileSpec => ({ content: text, mode: 0o755 })
const glibc = '/lib64/ld-linux-x86-64.so.2'
const musl = '/lib/ld-musl-x86_64.so.1'

/** Builds an image for amd64 of the files and instructions, and checks it. */
async function check(
  files: Readonly<Record<string, FileSpec>>,
  instructions: string,
  silences: readonly CheckSilence[] = [],
) {
  const bench = openBench()
  const folder = writeFiles(join(bench.folder, 'context'), {
    ...Object.fromEntries(Object.entries(files).map(([path, spec]) => [`root/${path}`, spec])),
    'root/.keep': 'x',
    Dockerfile: `FROM scratch\nCOPY root/ /\n${instructions}\n`,
  })
  const tare = await openTare({ home: join(bench.folder, 'home'), environment: {} })
  await tare.build({ context: { kind: 'directory', path: folder }, tags: ['a'], platforms: ['linux/amd64'] })
  return tare.images.check({ image: 'a', silences })
}

const told = (findings: readonly CheckFinding[]) =>
  findings.map(({ severity, code, message }) => `${severity} ${code}: ${message}`)

describe('the command', () => {
  test.each<[string, Record<string, FileSpec>, string, string[]]>([
    ['a static program alone has no finding', { app: program() }, 'ENTRYPOINT ["/app"]', []],
    ['none at all', { app: program() }, '', ['warning CommandUnset: the image has neither ENTRYPOINT nor CMD']],
    [
      'that is not there',
      { app: program() },
      'CMD ["/ap"]',
      ['error CommandMissing: CMD is "/ap", which is not in the image'],
    ],
    [
      'that is not in PATH',
      { 'opt/app': program() },
      'ENV PATH=/bin:/usr/bin\nENTRYPOINT ["app"]',
      ['error CommandMissing: ENTRYPOINT is "app", which is in no directory of PATH (/bin:/usr/bin)'],
    ],
    ['in PATH', { 'opt/app': program() }, 'ENV PATH=/bin:/opt\nENTRYPOINT ["app"]', []],
    ['from the working directory', { 'srv/app': program() }, 'WORKDIR /srv\nCMD ["./app"]', []],
    [
      'below another working directory',
      { 'srv/app': program() },
      'WORKDIR /opt\nCMD ["./app"]',
      ['error CommandMissing: CMD is "./app", which is not below /opt'],
    ],
    [
      'without the right to execute it',
      { app: { content: elfFile(), mode: 0o644 } },
      'CMD ["/app"]',
      ['error CommandNotExecutable: CMD is /app, which nobody may execute'],
    ],
    [
      'which its user may not execute',
      { app: { content: elfFile(), mode: 0o700 } },
      'USER 1000\nCMD ["/app"]',
      [
        'error CommandNotExecutable: CMD is /app, which user 1000 may not execute',
        'note AccountUnnamed: USER is 1000, which has no entry in /etc/passwd',
      ],
    ],
    ['that is a directory', { 'app/x': 'x' }, 'CMD ["/app"]', ['error CommandIsDirectory: CMD is /app, a directory']],
    [
      'for another architecture',
      { app: program({ machine: 183 }) },
      'CMD ["/app"]',
      ['error WrongArchitecture: /app is for arm64, the image for amd64'],
    ],
    ['for the 32 bits of the same machine', { app: program({ machine: 3, bits: 32 }) }, 'CMD ["/app"]', []],
    [
      'that is text without an interpreter',
      { app: script('echo hello\n') },
      'CMD ["/app"]',
      ['error UnknownFormat: /app is neither an ELF program nor a script that begins with #!'],
    ],
    ['that is empty', { app: script('') }, 'CMD ["/app"]', ['error UnknownFormat: CMD is /app, which is empty']],
    [
      'in the shell form on an image without a shell',
      { app: program() },
      'CMD /app serve',
      ['error CommandMissing: CMD is "/bin/sh", which is not in the image'],
    ],
    [
      'in the shell form, whose program is missing',
      { 'bin/sh': program() },
      'CMD exec server --port 1',
      [
        'error CommandMissing: CMD is "server", which is in no directory of PATH (/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)',
      ],
    ],
    ['in the shell form with the shell’s own words', { 'bin/sh': program() }, 'CMD while true; do echo x; done', []],
    [
      'of a health check',
      { app: program() },
      'CMD ["/app"]\nHEALTHCHECK CMD ["curl", "x"]',
      [
        'warning CommandMissing: HEALTHCHECK is "curl", which is in no directory of PATH (/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)',
      ],
    ],
  ])('is checked: %s', async (_, files, instructions, expected) => {
    const { findings } = await check(files, instructions)
    expect(told(findings)).toEqual(expected)
  })
})

describe('a script', () => {
  test.each<[string, Record<string, FileSpec>, string[]]>([
    ['whose interpreter is there', { app: script('#!/bin/sh\n'), 'bin/sh': program() }, []],
    [
      'whose interpreter is not there',
      { app: script('#!/bin/bash -e\n'), 'bin/sh': program() },
      ['error InterpreterMissing: /app is a script for /bin/bash, which is not in the image'],
    ],
    [
      'by env, whose program is in PATH',
      { app: script('#!/usr/bin/env node\n'), 'usr/bin/env': program(), 'bin/node': program() },
      [],
    ],
    [
      'by env, whose program is not in PATH',
      { app: script('#!/usr/bin/env -S python3 -u\n'), 'usr/bin/env': program() },
      ['error InterpreterMissing: /app is a script for python3, which is not in PATH'],
    ],
    [
      'with line ends of Windows',
      { app: script('#!/bin/sh\r\necho\r\n'), 'bin/sh': program() },
      ['error InterpreterMissing: /app has Windows line ends: its interpreter is "/bin/sh\\r"'],
    ],
    [
      'whose interpreter lacks its loader',
      { app: script('#!/bin/sh\n'), 'bin/sh': program({ interpreter: musl }) },
      [`error LoaderMissing: /bin/sh needs the loader ${musl}, which is not in the image`],
    ],
  ])('is checked: %s', async (_, files, expected) => {
    const { findings } = await check(files, 'CMD ["/app"]')
    expect(told(findings)).toEqual(expected)
  })
})

describe('libraries', () => {
  const loader = program()
  const needing = (name: string, more: ElfSpec = {}) => program({ interpreter: glibc, needed: [name], ...more })
  test.each<[string, Record<string, FileSpec>, string[]]>([
    [
      'one that is not there',
      { app: needing('libx.so.1') },
      ['error LibraryMissing: /app needs libx.so.1, which its loader does not find'],
    ],
    ['one of /usr/lib', { app: needing('libx.so.1'), 'usr/lib/libx.so.1': program() }, []],
    ['one of Debian’s directory', { app: needing('libx.so.1'), 'usr/lib/x86_64-linux-gnu/libx.so.1': program() }, []],
    [
      'one that ld.so.conf leads to',
      {
        app: needing('libx.so.1'),
        'opt/x/libx.so.1': program(),
        'etc/ld.so.conf': 'include ld.so.conf.d/*.conf\n',
        'etc/ld.so.conf.d/x.conf': '# mine\n/opt/x\n',
      },
      [],
    ],
    ['one by RUNPATH', { 'opt/app': needing('libx.so', { runpath: '$ORIGIN/../x' }), 'x/libx.so': program() }, []],
    ['one by RPATH', { 'opt/app': needing('libx.so', { rpath: '${ORIGIN}/x' }), 'opt/x/libx.so': program() }, []],
    [
      'what another library needs',
      { app: needing('liba.so'), 'lib/liba.so': program({ needed: ['libb.so'] }) },
      ['error LibraryMissing: /lib/liba.so needs libb.so, which its loader does not find'],
    ],
    [
      'RPATH counts for what a library needs',
      {
        app: needing('liba.so', { rpath: '/x' }),
        'x/liba.so': program({ needed: ['libb.so'] }),
        'x/libb.so': program(),
      },
      [],
    ],
    [
      'RUNPATH does not',
      {
        app: needing('liba.so', { runpath: '/x' }),
        'x/liba.so': program({ needed: ['libb.so'] }),
        'x/libb.so': program(),
      },
      ['error LibraryMissing: /x/liba.so needs libb.so, which its loader does not find'],
    ],
    [
      'one for another machine is passed over',
      { app: needing('libx.so'), 'lib/libx.so': program({ machine: 183 }), 'usr/lib/libx.so': program() },
      [],
    ],
    [
      'one for another machine alone',
      { app: needing('libx.so'), 'lib/libx.so': program({ machine: 183 }) },
      ['error LibraryMissing: /app needs libx.so, which its loader does not find'],
    ],
  ])('are found as glibc’s loader finds them: %s', async (_, files, expected) => {
    const { findings } = await check(
      { [glibc.slice(1)]: loader, ...files },
      'CMD ["/app"]\nENV PATH=/none'.replace('/app', files['opt/app'] === undefined ? '/app' : '/opt/app'),
    )
    expect(told(findings)).toEqual(expected)
  })

  test('of musl: its C library is the loader, and its directories are in a file', async () => {
    const app = program({ interpreter: musl, needed: ['libc.musl-x86_64.so.1', 'libx.so'] })
    const files = { app, [musl.slice(1)]: program() }
    const lacking = await check(files, 'CMD ["/app"]')
    expect(told(lacking.findings)).toEqual(['error LibraryMissing: /app needs libx.so, which its loader does not find'])
    expect((await check({ ...files, 'usr/local/lib/libx.so': program() }, 'CMD ["/app"]')).findings).toEqual([])
    const elsewhere = { ...files, 'usr/local/lib/libx.so': program(), 'etc/ld-musl-x86_64.path': '/opt\n/lib\n' }
    expect((await check(elsewhere, 'CMD ["/app"]')).findings).toHaveLength(1)
    expect((await check({ ...elsewhere, 'opt/libx.so': program() }, 'CMD ["/app"]')).findings).toEqual([])
  })

  test('LD_LIBRARY_PATH of the image counts', async () => {
    const files = { app: needing('libx.so'), [glibc.slice(1)]: loader, 'opt/libx.so': program() }
    expect((await check(files, 'CMD ["/app"]\nENV LD_LIBRARY_PATH=/none:/opt')).findings).toEqual([])
  })

  test('of other programs in PATH are a warning', async () => {
    const files = {
      app: program(),
      [glibc.slice(1)]: loader,
      'usr/bin/tool': needing('libx.so'),
      'opt/tool': needing('liby.so'),
    }
    expect(told((await check(files, 'CMD ["/app"]')).findings)).toEqual([
      'warning LibraryMissing: /usr/bin/tool needs libx.so, which its loader does not find',
    ])
  })
})

describe('what surrounds a program', () => {
  const tls: FileSpec = program({ text: 'open /etc/ssl/certs/ca-certificates.crt' })
  test.each<[string, Record<string, FileSpec>, string, string[]]>([
    [
      'no authorities for a program that looks for them',
      { app: tls },
      'CMD ["/app"]',
      ['warning CertificatesMissing: /app looks for certificate authorities, and the image has none'],
    ],
    ['authorities', { app: tls, 'etc/ssl/certs/ca-certificates.crt': 'x' }, 'CMD ["/app"]', []],
    [
      'authorities where SSL_CERT_FILE says',
      { app: tls, 'ca.pem': 'x' },
      'CMD ["/app"]\nENV SSL_CERT_FILE=/ca.pem',
      [],
    ],
    [
      'no authorities for a program with a TLS library',
      {
        app: program({ interpreter: musl, needed: ['libssl.so.3'] }),
        [musl.slice(1)]: program(),
        'lib/libssl.so.3': program(),
      },
      'CMD ["/app"]',
      ['warning CertificatesMissing: /app is linked with /lib/libssl.so.3, and the image has none'],
    ],
    [
      'no data for a time zone',
      { app: program() },
      'CMD ["/app"]\nENV TZ=Europe/Zurich',
      ['warning TimeZoneMissing: TZ is Europe/Zurich, for which the image has no data'],
    ],
    [
      'data for a time zone',
      { app: program(), 'usr/share/zoneinfo/Europe/Zurich': 'x' },
      'CMD ["/app"]\nENV TZ=Europe/Zurich',
      [],
    ],
    ['UTC', { app: program() }, 'CMD ["/app"]\nENV TZ=UTC', []],
    [
      'no /tmp for a program that knows it',
      { app: program({ text: 'TMPDIR/tmp' }) },
      'CMD ["/app"]',
      ['note TemporaryFolderMissing: /app may use /tmp, which the image does not have'],
    ],
    ['/var/tmp is another directory', { app: program({ text: '/var/tmp' }) }, 'CMD ["/app"]', []],
    [
      'a /tmp that is closed',
      { app: program(), 'tmp/x': 'x' },
      'CMD ["/app"]',
      ['warning TemporaryFolderModes: /tmp has mode 0755'],
    ],
    [
      'a user that nobody knows',
      { app: program() },
      'CMD ["/app"]\nUSER app:web',
      [
        'error AccountMissing: USER names the user "app", which is not in /etc/passwd',
        'error AccountMissing: USER names the group "web", which is not in /etc/group',
      ],
    ],
    [
      'a user that is known',
      { app: program(), 'etc/passwd': 'app:x:7:7::/:/bin/sh\n', 'etc/group': 'web:x:8:\n' },
      'CMD ["/app"]\nUSER app:web',
      [],
    ],
    [
      'a user by a number that is known',
      { app: program(), 'etc/passwd': 'app:x:7:7::/:/bin/sh\n' },
      'CMD ["/app"]\nUSER 7',
      [],
    ],
  ])('is checked: %s', async (_, files, instructions, expected) => {
    const { findings } = await check(files, instructions)
    expect(told(findings)).toEqual(expected)
  })
})

describe('what an image gives away', () => {
  const key = `-----BEGIN OPENSSH PRIVATE KEY-----\n${'b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gt'}\n-----END`
  const token = `ghp_${'0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R'}`

  test('set-id programs and files that everybody may write are noted', async () => {
    const files = {
      app: program(),
      'bin/su': { content: elfFile(), mode: 0o4755 },
      'etc/open': { content: 'x', mode: 0o666 },
    }
    const { findings } = await check(files, 'CMD ["/app"]')
    expect(told(findings)).toEqual([
      'note SetIdBits: /bin/su has mode 04755, owner 0:0',
      'note WorldWritable: /etc/open has mode 0666: every user may write it',
    ])
  })

  test('secrets are found by their looks, and not told', async () => {
    const files = {
      app: program(),
      'root/.ssh/id_ed25519': key,
      'srv/.env': `TOKEN=${token}\n`,
      'srv/latest.pem': key,
      'root/.docker/config.json': '{"auths":{"r.example":{"auth":"dXNlcjpwYXNzd29yZA=="}}}',
      'root/.npmrc': '//registry.example/:_authToken=abcdefgh12345\n',
      // As in the keys of service accounts.
      'srv/account.json': JSON.stringify({ private_key: key }),
      'srv/a.env': `KEY=sk-proj-${'a1B_'.repeat(18)}T3BlbkFJ${'c2D-'.repeat(18)}\n`,
      'srv/b.env': `KEY=sk-ant-api03-${'a1B_'.repeat(23)}AA\n`,
    }
    const { findings } = await check(files, 'CMD ["/app"]')
    expect(told(findings).sort()).toEqual([
      'warning SecretFound: /root/.docker/config.json in layer 1 has a login of a registry',
      'warning SecretFound: /root/.npmrc in layer 1 has an npm login',
      'warning SecretFound: /root/.ssh/id_ed25519 in layer 1 has a private key',
      'warning SecretFound: /srv/.env in layer 1 has a GitHub token',
      'warning SecretFound: /srv/a.env in layer 1 has an OpenAI key',
      'warning SecretFound: /srv/account.json in layer 1 has a private key',
      'warning SecretFound: /srv/b.env in layer 1 has an Anthropic key',
      'warning SecretFound: /srv/latest.pem in layer 1 has a private key',
    ])
    expect(JSON.stringify(findings)).not.toMatch(/b3BlbnNz|0a1B2c3D|dXNlcjpw|abcdefgh|a1B_/)
  })

  test('public keys, placeholders, test keys and what only looks like one are none', async () => {
    const files = {
      app: program(),
      'a.pub': 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample me\n-----BEGIN PUBLIC KEY-----\n',
      'b.md': `use ghp_${'x'.repeat(36)} or AKIAIOSFODNN7EXAMPLE\n-----BEGIN PRIVATE KEY-----\n...\n`,
      'usr/lib/lib/test/key.pem': key,
      'usr/lib/go/crypto/tls/example_test.go': key,
      'srv/app/login.spec.ts': key,
      'srv/app/test_login.py': key,
      '.npmrc': '//registry.example/:_authToken=${NPM_TOKEN}\n',
      'c.json': '{"auth":"dXNlcjpwYXNzd29yZA=="}',
    }
    expect((await check(files, 'CMD ["/app"]')).findings).toEqual([])
  })

  test('a secret that a later layer replaces is still there; and one in ENV or the history', async () => {
    const files = { app: program(), env: `T=${token}`, other: 'nothing' }
    const { findings } = await check(files, `COPY root/other /env\nENV GH=${token}\nCMD ["/app"]`)
    expect(told(findings)).toEqual([
      'warning SecretFound: /env in layer 1 has a GitHub token; a later layer removes it, and it is still in the image',
      'warning SecretFound: the environment variable GH has a GitHub token',
      expect.stringMatching(/^warning SecretFound: line \d+ of the history has a GitHub token$/),
    ])
  })
})

test('a finding is accepted with a reason, by code and path', async () => {
  const files = {
    app: program(),
    'bin/su': { content: elfFile(), mode: 0o4755 },
    'bin/sg': { content: elfFile(), mode: 0o4755 },
  }
  const one = await check(files, 'CMD ["/app"]', [{ code: 'SetIdBits', path: '/bin/su', reason: 'needed' }])
  expect(told(one.findings)).toEqual(['note SetIdBits: /bin/sg has mode 04755, owner 0:0'])
  expect(one.silenced).toMatchObject([{ code: 'SetIdBits', path: 'bin/su', accepted: 'needed' }])
  const all = await check(files, 'CMD ["/app"]', [{ code: 'SetIdBits', path: 'bin/*', reason: 'needed' }])
  expect(all.findings).toEqual([])
  const none = await check(files, 'CMD ["/app"]', [{ code: 'WorldWritable', reason: 'other' }])
  expect(none.findings).toHaveLength(2)
})

const archives = existsSync(join(shared, 'alpine'))
  ? readdirSync(join(shared, 'alpine')).filter((name) => /\.tar\.gz$/.test(name))
  : []

describe.skipIf(!unlessMissing(archives.length > 0, 'the Alpine root filesystems'))('Alpine', () => {
  test.each(archives)('%s has no finding; its shell alone lacks the loader', async (archive) => {
    const bench = openBench()
    const tare = await openTare({ home: join(bench.folder, 'home'), environment: {} })
    const architecture = /aarch64/.test(archive) ? 'arm64' : /armv7/.test(archive) ? 'arm' : 'amd64'
    const from = { path: join(shared, 'alpine', archive) }
    await tare.images.import({ from, name: 'alpine', changes: ['CMD ["/bin/sh"]'], platform: `linux/${architecture}` })
    expect((await tare.images.check({ image: 'alpine' })).findings).toEqual([])
    const folder = writeFiles(join(bench.folder, 'context'), {
      Dockerfile: 'FROM alpine AS a\nFROM scratch\nCOPY --from=a /bin/busybox /bin/\nCMD ["/bin/busybox"]\n',
    })
    await tare.build({
      context: { kind: 'directory', path: folder },
      tags: ['b'],
      platforms: [`linux/${architecture}`],
    })
    expect(told((await tare.images.check({ image: 'b' })).findings)).toEqual([
      expect.stringMatching(
        /^error LoaderMissing: \/bin\/busybox needs the loader \/lib\/ld-musl-\w+\.so\.1, which is not/,
      ),
    ])
  })
})
