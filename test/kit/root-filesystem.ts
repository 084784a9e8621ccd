import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { alpineRootfs, writeFiles } from './cli.ts'

// A root filesystem for commands: Alpine, or where that is not at hand one of a static busybox, with what tests look for in Alpine.

function ofBusybox(): string | undefined {
  const busybox = ['/usr/bin/busybox', '/bin/busybox'].find(existsSync)
  if (busybox === undefined || !isStatic(readFileSync(busybox))) {
    console.warn(`skipped: there is neither ${alpineRootfs} nor a static busybox (apt-get install busybox-static)`)
    return undefined
  }
  const folder = mkdtempSync(join(tmpdir(), 'tare-rootfs-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const root = writeFiles(join(folder, 'root'), {
    ...Object.fromEntries(folders.map((name) => [name, undefined])),
    'bin/busybox': { content: readFileSync(busybox), mode: 0o755 },
    'etc/passwd': passwd,
    'etc/group': group,
    'etc/hostname': 'localhost\n',
    'etc/motd': 'Welcome!\n',
    'etc/alpine-release': '3.19.4\n',
    'etc/apk/arch': 'x86_64\n',
    'etc/apk/repositories': 'https://dl-cdn.alpinelinux.org/alpine/v3.19/main\n',
    'etc/apk/world': 'busybox\n',
  })
  for (const name of execFileSync(busybox, ['--list-full'], { encoding: 'utf8' }).trim().split('\n')) {
    const path = join(root, name)
    if (existsSync(path)) continue
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(relative(dirname(path), join(root, 'bin/busybox')), path)
  }
  const tar = join(folder, 'rootfs.tar.gz')
  const modes = { tmp: '1777', 'var/tmp': '1777', root: '700', proc: '555', sys: '555' }
  for (const [name, mode] of Object.entries(modes)) execFileSync('chmod', [mode, join(root, name)])
  execFileSync('tar', ['-czf', tar, '--owner=0', '--group=0', '--numeric-owner', '-C', root, '.'])
  return tar
}

/** Whether a program of 64 bits needs no loader: it has no segment that names one (PT_INTERP of ELF). */
function isStatic(program: Buffer): boolean {
  const [at, size, count] = [Number(program.readBigUInt64LE(32)), program.readUInt16LE(54), program.readUInt16LE(56)]
  return Array.from({ length: count }, (_, i) => program.readUInt32LE(at + i * size)).every((type) => type !== 3)
}

const folders = [
  ...['dev', 'etc/apk/keys', 'etc/apk/protected_paths.d', 'home', 'media/cdrom', 'mnt', 'opt', 'proc', 'root', 'run'],
  ...['srv', 'sys', 'tmp', 'usr/lib', 'var/cache', 'var/log', 'var/mail', 'var/tmp'],
]

const passwd = `root:x:0:0:root:/root:/bin/ash
bin:x:1:1:bin:/bin:/sbin/nologin
daemon:x:2:2:daemon:/sbin:/sbin/nologin
mail:x:8:12:mail:/var/mail:/sbin/nologin
nobody:x:65534:65534:nobody:/:/sbin/nologin
`

const group = `root:x:0:root
bin:x:1:root,bin,daemon
daemon:x:2:root,bin,daemon
sys:x:3:root,bin
adm:x:4:root,daemon
disk:x:6:root
wheel:x:10:root
floppy:x:11:root
mail:x:12:mail
dialout:x:20:root
tape:x:26:root
video:x:27:root
nobody:x:65534:
`

/** The path of its tar, compressed; says what is missing where there is none. */
export const rootFilesystem: string | undefined = existsSync(alpineRootfs) ? alpineRootfs : ofBusybox()

export const hasRootFilesystem = process.platform === 'linux' && rootFilesystem !== undefined
