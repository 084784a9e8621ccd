// Times whole processes: tare next to docker and buildah, if installed, on the same inputs.
//
//   node bench/run.js [--runs N] [WORKLOAD ...]        alpine-cold alpine-cached save files-cold files-changed big-cold
//                                                      big-cached big-boot many-files many-file many-why many-tree first-look
//                                                      many-diff big-diff big-diff-by-tar
//
// Requires hyperfine. Docker is reached through DOCKER_HOST or the default socket; $ALPINE_ROOTFS names a real root filesystem to
// use instead of the generated one. Inputs and results are kept in bench/work ($BENCH_WORK).
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeInputs } from './inputs.js'

const here = dirname(fileURLToPath(import.meta.url))
const work = process.env.BENCH_WORK ?? join(here, 'work')
const { values, positionals } = parseArgs({
  options: { runs: { type: 'string', default: '7' } },
  allowPositionals: true,
})
const inputs = await makeInputs(work)
const scratch = join(work, 'scratch')
mkdirSync(scratch, { recursive: true })

const home = join(scratch, 'tare-home')
const tare = `env TARE_HOME=${home} ${process.execPath} ${join(here, '../bin/tare.js')}`
const root = join(scratch, 'buildah')
const buildah = `buildah --root ${root} --runroot ${root}-run --storage-driver overlay`

/** For each peer: how it builds (`fresh`: without a cache), saves and removes. */
const peers = {
  tare: {
    build: (tag, folder, fresh) => `${tare} build -q ${fresh ? '--no-cache' : ''} -t ${tag} ${folder}`,
    save: (tag, file) => `${tare} save -o ${file} ${tag}`,
    forget: `rm -rf ${home}`,
  },
  docker: {
    build: (tag, folder, fresh) => `docker build -q --network=host ${fresh ? '--no-cache' : ''} -t ${tag} ${folder}`,
    save: (tag, file) => `docker save -o ${file} ${tag}`,
    forget: 'docker image prune -af; docker builder prune -af',
  },
  buildah: {
    build: (tag, folder, fresh) =>
      `${buildah} bud -q --isolation chroot --layers ${fresh ? '--no-cache' : ''} -t ${tag} ${folder}`,
    save: (tag, file) => `${buildah} push -q ${tag} docker-archive:${file}:${tag}:latest`,
    forget: `${buildah} rmi -af`,
  },
}
const answers = (command) => spawnSync('sh', ['-c', command], { stdio: 'ignore' }).status === 0
const there = Object.keys(peers).filter(
  (name) => name === 'tare' || (name === 'docker' ? answers('docker version') : answers(`${buildah} images`)),
)

const archive = join(scratch, 'save.tar')
const changing = join(scratch, 'files')

/** For each workload: what is done once, what before each run, and what is timed. */
const workloads = {
  'alpine-cold': (peer) => ({ before: peer.forget, timed: peer.build('bench-alpine', inputs.alpine, true) }),
  'alpine-cached': (peer) => ({
    once: peer.build('bench-alpine', inputs.alpine),
    timed: peer.build('bench-alpine', inputs.alpine),
  }),
  save: (peer) => ({
    once: peer.build('bench-alpine', inputs.alpine),
    before: `rm -f ${archive}`,
    timed: peer.save('bench-alpine', archive),
  }),
  // A folder the builder has not seen before: hard links to the same files.
  'files-cold': (peer) => ({
    before: `${peer.forget}; rm -rf ${changing}-new; cp -al ${inputs.files} ${changing}-new`,
    timed: peer.build('bench-files', `${changing}-new`, true),
  }),
  'files-changed': (peer) => ({
    once: `cp -a ${inputs.files} ${changing}; ${peer.build('bench-files', changing)}`,
    before: `date +%s%N >${changing}/src/d5/s5/f105`,
    timed: peer.build('bench-files', changing),
  }),
  'big-cold': (peer) => ({ before: peer.forget, timed: peer.build('bench-big', inputs.big, true) }),
  'big-cached': (peer) => ({
    once: peer.build('bench-big', inputs.big),
    timed: peer.build('bench-big', inputs.big),
  }),
  // As after a reboot: tare verifies the layer before using it. The difference from big-cached is the cost per GiB.
  'big-boot': (peer) => ({
    once: peer.build('bench-big', inputs.big),
    before: `rm -rf ${home}/tare/verified`,
    timed: peer.build('bench-big', inputs.big),
  }),
}

const many = 'usr/lib/modules/package-3-4'
const packed = join(scratch, 'big-gzip.tar')

/** Looks into images, which no peer does: 200,000 files in 30 layers from the store; a compressed archive for the first time. */
const looks = {
  'many-files': `image files bench-many ${many}`,
  'many-file': `image cat bench-many ${many}/file-5.js`,
  'many-why': `image why bench-many ${many}/file-5.js`,
  'many-tree': 'image files --tree --depth 3 bench-many',
  'many-diff': 'image diff --semantic bench-many bench-many#1..30',
}
for (const [name, command] of Object.entries(looks))
  workloads[name] = (peer) =>
    peer === peers.tare ? { once: peer.build('bench-many', inputs.many), timed: `${tare} ${command}` } : undefined
workloads['first-look'] = (peer) =>
  peer === peers.tare
    ? {
        once: `${peer.build('bench-big', inputs.big)}; ${tare} copy --compression gzip --force-compression store:bench-big oci-archive:${packed}`,
        before: peer.forget,
        timed: `${tare} image layers ${packed}`,
      }
    : undefined

// Two images of 1 GiB that differ in one file. What differs ends with 1, which hyperfine takes for a failure.
const other = `cp -a ${inputs.big} ${changing}; echo x >${changing}/extra; tar -rf ${changing}/big.tar -C ${changing} extra`
const twoBig = (peer) => `${peer.build('bench-big', inputs.big)}; ${other}; ${peer.build('bench-other', changing)}`
workloads['big-diff'] = (peer) =>
  peer === peers.tare
    ? { once: twoBig(peer), timed: `sh -c '${tare} image diff --semantic bench-big bench-other; test $? = 1'` }
    : undefined
workloads['big-diff-by-tar'] = (peer) => {
  const [a, b] = [join(scratch, 'unpacked-a'), join(scratch, 'unpacked-b')]
  const unpack = `tar -xf ${inputs.big}/big.tar -C ${a}; tar -xf ${changing}/big.tar -C ${b}`
  return peer === peers.tare
    ? {
        once: other,
        before: `rm -rf ${a} ${b}; mkdir ${a} ${b}`,
        timed: `sh -c '${unpack}; diff -r --no-dereference ${a} ${b}; test $? = 1'`,
      }
    : undefined
}

const quietly = (command) => execFileSync('sh', ['-c', `{ ${command}; } >/dev/null 2>&1 || true`])

function measure(workload, name) {
  const planned = workloads[workload](peers[name])
  if (planned === undefined) return undefined
  const { once, before = 'true', timed } = planned
  rmSync(changing, { recursive: true, force: true })
  quietly(peers[name].forget)
  if (once) quietly(once)
  const [result, memory] = [join(scratch, 'result.json'), join(scratch, 'memory')]
  rmSync(memory, { force: true })
  const time = `/usr/bin/time -a -o ${memory} -f %M`
  const prepare = `sh -c '{ ${before}; sync; } >/dev/null 2>&1 || true'`
  execFileSync(
    'hyperfine',
    ['-N', '--runs', values.runs, '--prepare', prepare, '--export-json', result, `${time} ${timed}`],
    { stdio: 'ignore' },
  )
  const { median, min, max } = JSON.parse(readFileSync(result, 'utf8')).results[0]
  const peak = Math.max(...readFileSync(memory, 'utf8').trim().split('\n').map(Number)) / 1024
  return { median, min, max, peak }
}

const wanted = positionals.length > 0 ? positionals : Object.keys(workloads)
const lines = []
console.log(
  `seconds, median of ${values.runs} (fastest .. slowest), and the peak memory of the command itself; a daemon's is its own`,
)
for (const workload of wanted) {
  const base = {}
  for (const name of there) {
    const measured = measure(workload, name)
    if (measured === undefined) continue
    const { median, min, max, peak } = measured
    base[name] = median
    const ratio = name === 'tare' ? '' : `   tare takes ${(base.tare / median).toFixed(2)} x ${name}`
    const line = `${workload.padEnd(14)} ${name.padEnd(8)} ${median.toFixed(3)} (${min.toFixed(3)} .. ${max.toFixed(3)})  ${peak.toFixed(0)} MiB${ratio}`
    console.log(line)
    lines.push(line)
  }
}
writeFileSync(join(work, 'results.txt'), `${lines.join('\n')}\n`)
