// Times builds on an engine: `tare build --builder` next to `docker buildx build --load` on the same daemon, in pairs.
//
//   BENCH_ENGINE=unix:///var/run/docker.sock node bench/engine.js [--pairs N] [--node PATH] [WORKLOAD...]
//
// $ALPINE_ROOTFS names a root filesystem with commands to RUN (an archive). $BENCH_BUILDX: how buildx is called, `docker buildx` by
// default; it reaches the daemon through DOCKER_HOST, which is set. Inputs are kept in bench/work ($BENCH_WORK) meanwhile; the images of
// buildx are removed at the end. No program gets NODE_EXTRA_CA_CERTS, as in run.js.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

delete process.env.NODE_EXTRA_CA_CERTS
const here = dirname(fileURLToPath(import.meta.url))
const { values, positionals } = parseArgs({
  options: { pairs: { type: 'string', default: '20' }, node: { type: 'string', default: process.execPath } },
  allowPositionals: true,
})
const engine = process.env.BENCH_ENGINE ?? 'unix:///var/run/docker.sock'
const buildx = (process.env.BENCH_BUILDX ?? 'docker buildx').split(' ')
const work = join(process.env.BENCH_WORK ?? join(here, 'work'), 'engine')
const home = join(work, 'home')
rmSync(work, { recursive: true, force: true })
mkdirSync(work, { recursive: true })

function folderOf(name, dockerfile, files = 0) {
  const folder = join(work, name)
  mkdirSync(folder, { recursive: true })
  if (/ADD/.test(dockerfile)) copyFileSync(process.env.ALPINE_ROOTFS, join(folder, 'alpine.tgz'))
  for (let i = 0; i < files; i++) {
    if (i < 200) mkdirSync(join(folder, `d${i}`))
    writeFileSync(join(folder, `d${i % 200}/f${i}`), `file ${i}\n`.repeat(20 + (i % 60)))
  }
  writeFileSync(join(folder, 'Dockerfile'), dockerfile)
  return folder
}

const story = 'FROM scratch\nADD alpine.tgz /\nCMD ["/bin/sh"]\n'
const stages = [
  ...[
    'FROM scratch AS base',
    'ADD alpine.tgz /',
    'FROM base AS tools',
    'RUN echo tool > /tool && sha256sum /bin/busybox > /sum',
  ],
  ...['FROM base', 'COPY --from=tools /tool /sum /t/', 'RUN cat /t/tool > /done', 'CMD ["/bin/sh"]'],
].join('\n')

// Of the images of buildx: only the last one has a name.
const label = 'tare.bench=engine'

let count = 0
/** `begin` returns the folder of all runs, `each` the one of this run; `cold` runs without any cache. */
const workloads = {
  cached: { begin: () => folderOf('cached', story), each: (folder) => folder },
  files: {
    begin: () => folderOf('files', 'FROM scratch\nCOPY . /all/\n', 20_000),
    // Another place is another folder to an engine.
    each: (folder, now) => {
      const next = join(work, `files-${++count}`)
      renameSync(now ?? folder, next)
      return next
    },
    cold: true,
  },
  changed: {
    begin: () => folderOf('changed', 'FROM scratch\nCOPY . /all/\n', 20_000),
    each: (folder) => {
      writeFileSync(join(folder, 'd7/f7'), `changed ${Date.now()} ${++count}\n`)
      return folder
    },
  },
  stages: { begin: () => folderOf('stages', stages), each: (folder) => folder, cold: true, keepsStore: true },
}

function timed(command, args) {
  const from = performance.now()
  const { status, stderr } = spawnSync(command, args, {
    env: { ...process.env, DOCKER_HOST: engine, TARE_HOME: home },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
  return (performance.now() - from) / 1000
}

const median = (all) => [...all].sort((a, b) => a - b)[all.length >> 1]

for (const name of positionals.length > 0 ? positionals : Object.keys(workloads)) {
  const { begin, each, cold, keepsStore } = workloads[name]
  const first = begin()
  let folder
  const tare = () => {
    if (cold && !keepsStore) rmSync(home, { recursive: true, force: true })
    const fresh = cold ? ['--no-cache'] : []
    const flags = ['--builder', engine, '--network=none', '-q', ...fresh, '-t', 'bench-tare']
    return timed(values.node, [join(here, '../bin/tare.js'), 'build', ...flags, folder])
  }
  const docker = () => {
    const fresh = cold ? ['--no-cache'] : []
    const flags = ['--network=none', '--provenance=false', '--label', label, '-q', ...fresh, '--load']
    return timed(buildx[0], [...buildx.slice(1), 'build', ...flags, '-t', 'bench-docker', folder])
  }
  const times = { tare: [], docker: [] }
  for (let i = -1; i < Number(values.pairs); i++)
    for (const [who, build] of i % 2 === 0
      ? [
          ['tare', tare],
          ['docker', docker],
        ]
      : [
          ['docker', docker],
          ['tare', tare],
        ]) {
      folder = each(first, folder)
      const time = build()
      // The first pair fills caches.
      if (i >= 0) times[who].push(time)
    }
  const [ours, theirs] = [median(times.tare), median(times.docker)]
  console.log(
    `${name.padEnd(10)} tare ${ours.toFixed(3)}   buildx ${theirs.toFixed(3)}   tare takes ${(ours / theirs).toFixed(2)} x`,
  )
}
rmSync(work, { recursive: true, force: true })
const docker = (...args) => spawnSync('docker', ['-H', engine, ...args], { encoding: 'utf8' }).stdout ?? ''
const images = docker('images', '-q', '--filter', `label=${label}`).split('\n').filter(Boolean)
if (images.length > 0) docker('rmi', '-f', ...new Set(images))
