// Creates the inputs of the benchmarks in a folder: the same bytes on every machine.
import { execFileSync } from 'node:child_process'
import { createWriteStream, existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const epoch = 1_600_000_000

/** Returns a generator of numbers from 0 to 1, determined by the seed. (mulberry32) */
function chance(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function noise(size, random) {
  const bytes = Buffer.allocUnsafe(size)
  for (let i = 0; i < size; i++) bytes[i] = random() * 256
  return bytes
}

function text(size, random) {
  const words = Array.from({ length: 2000 }, () =>
    Array.from({ length: 2 + random() * 8 }, () => String.fromCharCode(97 + random() * 26)).join(''),
  )
  let all = ''
  while (all.length < size) all += `${words[Math.floor(random() * words.length)]} `
  return Buffer.from(all.slice(0, size))
}

/** Returns a ustar header. */
function header(name, size, mtime, type = '0', mode = type === '5' ? 0o755 : 0o644) {
  const block = Buffer.alloc(512)
  const octal = (value, digits) => `${value.toString(8).padStart(digits, '0')}\0`
  block.write(name, 0)
  block.write(octal(mode, 7) + octal(0, 7) + octal(0, 7) + octal(size, 11) + octal(mtime, 11), 100)
  block.write(`        ${type}`, 148)
  block.write('ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

const padding = (size) => Buffer.alloc((512 - (size % 512)) % 512)
const end = Buffer.alloc(1024)

/** Creates a root filesystem of Alpine's size: 7.4 MB in 520 files. */
function rootfs(seed = 1) {
  const random = chance(seed)
  const words = text(1 << 20, random)
  const parts = []
  for (const folder of ['bin', 'etc', 'lib', 'usr', 'var']) {
    parts.push(header(`${folder}/`, 0, epoch, '5'))
    for (let i = 0; i < 104; i++) {
      const size = Math.floor(random() * 28_000)
      const body = i % 2 ? noise(size, random) : words.subarray(i * 1000, i * 1000 + size)
      parts.push(header(`${folder}/file${i}`, body.length, epoch + i), body, padding(body.length))
    }
  }
  return gzipSync(Buffer.concat([...parts, end]))
}

async function makeAlpine(folder) {
  const { ALPINE_ROOTFS } = process.env
  if (ALPINE_ROOTFS) await copyFile(ALPINE_ROOTFS, join(folder, 'rootfs.tgz'))
  else writeFileSync(join(folder, 'rootfs.tgz'), rootfs())
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nADD rootfs.tgz /\nCMD ["/bin/sh"]\n')
}

/** A root filesystem for each of three platforms. */
function makeRoots(folder) {
  for (const [i, name] of ['amd64', 'arm64', 'armv7'].entries())
    writeFileSync(join(folder, `${name}.tgz`), rootfs(i + 1))
  const lines = ['FROM scratch', 'ARG TARGETARCH', 'ARG TARGETVARIANT', 'ADD $TARGETARCH$TARGETVARIANT.tgz /']
  writeFileSync(join(folder, 'Dockerfile'), `${lines.join('\n')}\nCMD ["/bin/sh"]\n`)
}

/** Creates 20,000 files of up to 8 KiB in 200 folders, 80 MB in total. */
function makeFiles(folder) {
  const random = chance(2)
  const words = text(4 << 20, random)
  const noisy = noise(1 << 20, random)
  for (let i = 0; i < 20_000; i++) {
    const place = join(folder, 'src', `d${i % 20}`, `s${Math.floor(i / 20) % 10}`)
    if (i < 200) mkdirSync(place, { recursive: true })
    const from = i % 4 ? words : noisy
    const size = Math.floor(random() * 8193)
    const at = Math.floor(random() * (from.length - 8193))
    const path = join(place, `f${i}`)
    writeFileSync(path, from.subarray(at, at + size))
    utimesSync(path, epoch + i, epoch + i)
  }
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY src /app/src\n')
}

/** Creates a plain tar of 1 GiB, half of it incompressible: 256 files of 3 MiB, 1,024 of 128 KiB, 4,096 of 32 KiB. */
async function makeBig(folder) {
  const random = chance(3)
  const words = text(4 << 20, random)
  const noisy = noise(64 << 20, random)
  const out = createWriteStream(join(folder, 'big.tar'))
  const write = (bytes) => new Promise((resolve) => out.write(bytes, resolve))
  for (const [name, count, size] of [
    ['big', 256, 3 << 20],
    ['mid', 1024, 128 << 10],
    ['small', 4096, 32 << 10],
  ]) {
    await write(header(`${name}/`, 0, epoch, '5'))
    for (let i = 0; i < count; i++) {
      const from = i % 2 ? noisy : words
      const at = Math.floor(random() * (from.length - size))
      await write(
        Buffer.concat([header(`${name}/${String(i).padStart(4, '0')}`, size, epoch + i), from.subarray(at, at + size)]),
      )
    }
  }
  await write(end)
  await new Promise((resolve) => out.end(resolve))
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nADD big.tar /\n')
}

const manyLayers = 30
const filesPerLayer = 6_700

/** Creates 200,000 small files in 30 archives, one for each layer. */
async function makeMany(folder) {
  const lines = ['FROM scratch']
  for (let layer = 0; layer < manyLayers; layer++) {
    const parts = []
    for (let i = 0; i < filesPerLayer; i++) {
      const place = `usr/lib/modules/package-${layer}-${Math.floor(i / 100)}`
      if (i % 100 === 0) parts.push(header(`${place}/`, 0, epoch, '5'))
      const body = Buffer.from(`${layer} ${i}\n`.repeat(1 + (i % 40)))
      parts.push(header(`${place}/file-${i % 100}.js`, body.length, epoch), body, padding(body.length))
    }
    writeFileSync(join(folder, `layer${layer}.tar`), Buffer.concat([...parts, end]))
    lines.push(`ADD layer${layer}.tar /`)
  }
  writeFileSync(join(folder, 'Dockerfile'), `${lines.join('\n')}\n`)
}

/** Creates `count` small files, of up to 400 bytes, 1,000 in a folder. */
function makeSmall(count) {
  return (folder) => {
    const random = chance(4)
    const words = text(1 << 20, random)
    for (let i = 0; i < count; i++) {
      const place = join(folder, 'src', `d${Math.floor(i / 20_000)}`, `s${Math.floor(i / 1000) % 20}`)
      if (i % 1000 === 0) mkdirSync(place, { recursive: true })
      const at = Math.floor(random() * (words.length - 401))
      writeFileSync(join(place, `f${i}.txt`), words.subarray(at, at + 1 + Math.floor(random() * 400)))
    }
    writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY src /app/src\n')
  }
}

/** A Dockerfile over the real root filesystem, since it has commands to run. */
function makeRuns(lines, more = () => {}) {
  return async (folder) => {
    const { ALPINE_ROOTFS } = process.env
    if (!ALPINE_ROOTFS) throw new Error('set ALPINE_ROOTFS to a root filesystem with a shell: RUN needs one')
    await copyFile(ALPINE_ROOTFS, join(folder, 'rootfs.tgz'))
    more(folder)
    writeFileSync(join(folder, 'Dockerfile'), `${lines.join('\n')}\n`)
  }
}

const stages = [
  ...['FROM scratch AS build', 'ADD rootfs.tgz /', 'RUN echo one > /one', 'RUN cat /one > /two && echo two >> /two'],
  ...['RUN sha256sum /two > /three && rm /one', 'FROM scratch', 'COPY --from=build /three /three', 'CMD ["/three"]'],
]
const runs = ['FROM scratch', 'ADD rootfs.tgz /', ...Array.from({ length: 20 }, (_, i) => `RUN echo ${i} > /file${i}`)]
const binds = [
  ...['FROM scratch', 'ADD rootfs.tgz /'],
  ...Array.from(
    { length: 3 },
    (_, i) => `RUN --mount=type=bind,source=src,target=/src ls -R /src | wc -l > /count${i}`,
  ),
]

/** Creates Debian's base system, and a folder of the packages that a compiler takes: from the archive that this machine's apt uses. */
function makePackages(folder) {
  const debs = join(folder, 'debs')
  mkdirSync(debs, { recursive: true })
  const fetch = 'chroot "$1" apt-get -y --no-install-recommends --download-only install gcc libc6-dev make'
  const take = `mv "$1"/var/cache/apt/archives/*.deb '${debs}'`
  const release = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))[1]
  const hooks = [fetch, take].map((hook) => `--customize-hook=${hook}`)
  const argv = ['--quiet', '--variant=apt', ...hooks, release, join(folder, 'base.tar')]
  execFileSync('mmdebstrap', argv, { stdio: ['ignore', 'ignore', 'inherit'] })
  writeFileSync(join(folder, 'stamp'), '')
  const lines = [
    'FROM scratch',
    'ADD base.tar /',
    'COPY stamp /',
    `RUN --mount=type=bind,source=debs,target=/debs ${install}`,
  ]
  writeFileSync(join(folder, 'Dockerfile'), `${lines.join('\n')}\n`)
}

const install = 'dpkg --force-unsafe-io -i /debs/*.deb >/dev/null && gcc --version >/dev/null'

/** Creates 29 files of 17 MB, half of them incompressible, and a Dockerfile of 30 steps that copies them. */
function makeSteps(folder) {
  const random = chance(5)
  const words = text(17 << 20, random)
  const lines = ['FROM scratch']
  for (let i = 0; i < 29; i++) {
    const own = Buffer.from(`${i}\n`.repeat(1000))
    const body = i % 2 ? noise(17 << 20, random) : Buffer.concat([own, words.subarray(i * 1000)])
    writeFileSync(join(folder, `f${i}`), body)
    lines.push(`COPY f${i} /f${i}`)
  }
  writeFileSync(join(folder, 'last'), 'last')
  writeFileSync(join(folder, 'Dockerfile'), `${[...lines, 'COPY last /last'].join('\n')}\n`)
}

/** Creates 20,000 files, and a Dockerfile of 30 steps over parts of them. */
function makeStepsFiles(folder) {
  makeFiles(folder)
  const lines = Array.from({ length: 29 }, (_, i) => `COPY src/d${i % 20}/s${i % 10} /part${i}`)
  writeFileSync(join(folder, 'Dockerfile'), `${['FROM scratch', 'COPY src /app/src', ...lines].join('\n')}\n`)
}

const makers = {
  alpine: makeAlpine,
  files: makeFiles,
  roots: makeRoots,
  big: makeBig,
  many: makeMany,
  'small-20000': makeSmall(20_000),
  'small-80000': makeSmall(80_000),
  'small-320000': makeSmall(320_000),
  packages: makePackages,
  stages: makeRuns(stages),
  runs: makeRuns(runs),
  binds: makeRuns(binds, makeFiles),
  steps: makeSteps,
  'steps-files': makeStepsFiles,
}

/** Returns the folder of the input `name` in `work`, which is created if it is missing. */
export async function makeInput(work, name) {
  const folder = join(work, name)
  if (existsSync(join(folder, 'Dockerfile'))) return folder
  mkdirSync(folder, { recursive: true })
  await makers[name](folder)
  return folder
}
