import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openTare } from '../../src/index.ts'
import { alpineRootfs, isRoot, temporaryFolder } from '../kit/cli.ts'
import { hasProgram, unlessMissing } from '../kit/needs.ts'
import { copyPrograms } from '../kit/program-image.ts'

// `check` over images that work: what it finds is true, and nothing else is found.

interface Image {
  /** What has to be on this machine; says what is missing. */
  readonly needs: () => boolean
  /** Makes the root filesystem, in a folder that is the context. */
  readonly make: (context: string) => void
  readonly dockerfile: string
  /** Severity, code and path of each finding, with the reason why it is true. */
  readonly findings: Readonly<Record<string, string>>
}

const has =
  (...programs: readonly string[]) =>
  () =>
    programs.every((program) => hasProgram(program))
const which = (program: string) => execFileSync('which', [program], { encoding: 'utf8' }).trim()

function put(context: string, path: string, from: string): void {
  mkdirSync(dirname(join(context, path)), { recursive: true })
  copyFileSync(from, join(context, path))
}

/** Programs of this machine with their libraries. */
const programs = (of: Readonly<Record<string, string>>) => (context: string) => {
  mkdirSync(join(context, 'root'))
  copyPrograms(join(context, 'root'), of)
}

function alpine(context: string): void {
  put(context, 'rootfs.tar.gz', alpineRootfs)
}

const hasAlpine = () => unlessMissing(existsSync(alpineRootfs), `there is no ${alpineRootfs}`)

function isStatic(program: string): boolean {
  if (!hasProgram(program)) return false
  const segments = execFileSync('readelf', ['-lW', which(program)], { encoding: 'utf8' })
  return unlessMissing(!segments.includes('INTERP'), `${program} of this machine is not static`)
}

const compile = (context: string, flags: readonly string[]) => {
  writeFileSync(join(context, 'app.rs'), 'fn main() { println!("hi") }\n')
  mkdirSync(join(context, 'root'))
  execFileSync('rustc', ['-O', ...flags, '-o', join(context, 'root/app'), join(context, 'app.rs')], { stdio: 'pipe' })
}

const images: Readonly<Record<string, Image>> = {
  'a static program of glibc alone': {
    needs: () => isStatic('busybox'),
    make: (context) => put(context, 'root/bin/busybox', which('busybox')),
    dockerfile: 'FROM scratch\nCOPY root/ /\nENTRYPOINT ["/bin/busybox", "sh"]\n',
    findings: { 'note TemporaryFolderMissing tmp': 'the program names /tmp, which the image does not have' },
  },
  'a static program of Go alone': {
    needs: () => isStatic('docker'),
    make: (context) => put(context, 'root/docker', which('docker')),
    dockerfile: 'FROM scratch\nCOPY root/ /\nUSER 1000:1000\nENTRYPOINT ["/docker"]\n',
    findings: {
      'warning CertificatesMissing docker': 'it speaks TLS, and the image has no certificate authorities',
      'note AccountUnnamed etc/passwd': 'USER is a number, and there is no /etc/passwd',
      'note TemporaryFolderMissing tmp': 'the program names /tmp, which the image does not have',
    },
  },
  'a program of Go that is linked with C, with its libraries': {
    needs: has('umoci', 'ldd'),
    make: programs({ umoci: 'usr/bin/umoci' }),
    dockerfile: 'FROM scratch\nCOPY root/ /\nENTRYPOINT ["umoci"]\n',
    findings: { 'note TemporaryFolderMissing tmp': 'the program names /tmp, which the image does not have' },
  },
  'a static program of Rust alone': {
    needs: has('rustc'),
    make: (context) => compile(context, ['-C', 'target-feature=+crt-static']),
    dockerfile: 'FROM scratch\nCOPY root/ /\nCMD ["/app"]\n',
    findings: {},
  },
  'a program of Rust without its libraries': {
    needs: has('rustc'),
    make: (context) => compile(context, []),
    dockerfile: 'FROM scratch\nCOPY root/ /\nCMD ["/app"]\n',
    findings: { 'error LoaderMissing app': 'it is linked dynamically, and alone' },
  },
  'Node with its libraries and a script': {
    needs: has('node', 'ldd'),
    make: (context) => {
      programs({ node: 'usr/bin/node', env: 'usr/bin/env' })(context)
      writeFileSync(join(context, 'root/app.js'), '#!/usr/bin/env node\nconsole.log(1)\n', { mode: 0o755 })
    },
    dockerfile: 'FROM scratch\nCOPY root/ /\nCMD ["/app.js"]\n',
    findings: { 'note TemporaryFolderMissing tmp': 'the program names /tmp, which the image does not have' },
  },
  'Alpine with a script of its shell': {
    needs: hasAlpine,
    make: (context) => {
      alpine(context)
      writeFileSync(join(context, 'run'), '#!/usr/bin/env sh\nexec date\n', { mode: 0o755 })
    },
    dockerfile: 'FROM scratch\nADD rootfs.tar.gz /\nCOPY run /usr/local/bin/\nUSER nobody\nENTRYPOINT ["run"]\n',
    findings: {},
  },
  'Alpine with a script of a program that it does not have': {
    needs: hasAlpine,
    make: (context) => {
      alpine(context)
      writeFileSync(join(context, 'run'), '#!/usr/bin/env bash\n', { mode: 0o755 })
    },
    dockerfile: 'FROM scratch\nADD rootfs.tar.gz /\nCOPY run /usr/local/bin/\nENTRYPOINT ["run"]\n',
    findings: { 'error InterpreterMissing usr/local/bin/run': 'Alpine has no bash' },
  },
  'the busybox of Alpine with its loader': {
    needs: hasAlpine,
    make: alpine,
    dockerfile:
      'FROM scratch AS a\nADD rootfs.tar.gz /\nFROM scratch\nCOPY --from=a /lib/ld-musl-x86_64.so.1 /lib/\nCOPY --from=a /bin/busybox /bin/\nCMD ["/bin/busybox"]\n',
    findings: { 'note TemporaryFolderMissing tmp': 'the program names /tmp, which the image does not have' },
  },
}

const told = (findings: readonly { severity: string; code: string; path?: string }[]) =>
  findings.map(({ severity, code, path }) => `${severity} ${code}${path === undefined ? '' : ` ${path}`}`).sort()

async function check(context: string): Promise<readonly string[]> {
  const tare = await openTare({ home: temporaryFolder(), environment: {} })
  await tare.build({ context: { kind: 'directory', path: context }, tags: ['app'] })
  return told((await tare.images.check({ image: 'app' })).findings)
}

describe('check', () => {
  for (const [name, { needs, make, dockerfile, findings }] of Object.entries(images))
    describe.skipIf(!needs())('over', () => {
      test(`${name}: ${Object.keys(findings).join(', ') || 'nothing is found'}`, async () => {
        const context = temporaryFolder()
        make(context)
        writeFileSync(join(context, 'Dockerfile'), dockerfile)
        expect(await check(context)).toEqual(Object.keys(findings).sort())
      })
    })
})

describe.skipIf(!isRoot || !hasProgram('mmdebstrap'))('Debian', () => {
  test('as mmdebstrap makes it has the set-id programs that it needs, and nothing else is found', async (context) => {
    const folder = temporaryFolder()
    try {
      const flags = ['--variant=minbase', '--include=ca-certificates']
      execFileSync('mmdebstrap', [...flags, 'trixie', join(folder, 'rootfs.tar')], { stdio: 'pipe', timeout: 240_000 })
    } catch (error) {
      console.warn(`skipped: mmdebstrap does not work here: ${(error as Error).message.slice(-200)}`)
      context.skip()
    }
    writeFileSync(join(folder, 'run'), '#!/usr/bin/env perl\nprint 1\n', { mode: 0o755 })
    const lines = ['FROM scratch', 'ADD rootfs.tar /', 'COPY run /usr/local/bin/', 'USER www-data', 'CMD ["run"]']
    writeFileSync(join(folder, 'Dockerfile'), `${lines.join('\n')}\n`)
    // They change passwords, users and mounts for whoever is not root.
    const setId = ['chage', 'chfn', 'chsh', 'expiry', 'gpasswd', 'mount', 'newgrp', 'passwd', 'su', 'umount']
    const wanted = [...setId.map((name) => `usr/bin/${name}`), 'usr/sbin/unix_chkpwd']
    expect(await check(folder)).toEqual(wanted.map((path) => `note SetIdBits ${path}`).sort())
  })
})

describe.skipIf(!isRoot || !hasAlpine() || !hasProgram('buildah'))('an archive of buildah', () => {
  for (const transport of ['docker-archive', 'oci-archive'])
    test(`(${transport}) with Alpine has nothing to be found, and one without its loader has`, async () => {
      const folder = temporaryFolder()
      alpine(folder)
      writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nADD rootfs.tar.gz /\nCMD ["/bin/sh"]\n')
      writeFileSync(
        join(folder, 'Dockerfile.alone'),
        'FROM scratch AS a\nADD rootfs.tar.gz /\nFROM scratch\nCOPY --from=a /bin/busybox /bin/\nCMD ["/bin/busybox"]\n',
      )
      const storage = ['--storage-driver', 'vfs', '--root', join(folder, 'store'), '--runroot', join(folder, 'run')]
      const buildah = (...args: string[]) => execFileSync('buildah', [...storage, ...args], { stdio: 'pipe' })
      const tare = await openTare({ home: temporaryFolder(), environment: {} })
      for (const [file, found] of [
        ['Dockerfile', []],
        ['Dockerfile.alone', ['error LoaderMissing bin/busybox']],
      ] as const) {
        buildah('bud', '-q', '--isolation', 'chroot', '-f', join(folder, file), '-t', 'app', folder)
        const archive = join(folder, `${file}.tar`)
        buildah('push', '-q', 'app', `${transport}:${archive}:app:1`)
        expect(told((await tare.images.check({ image: archive })).findings)).toEqual(found)
      }
      buildah('rmi', '-af')
    })
})
