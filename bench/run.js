// Times whole processes: tare next to docker and buildah, if installed, on the same inputs.
//
//   node bench/run.js [--runs N] [--node PATH]... [--user UID]... [WORKLOAD...]
//
// The workloads are in workloads.js; all of them by default, except those that need a root filesystem if there is none.
// `--node`: times tare on that Node too. `--user`: also without root, as that user, who must be able to read the checkout, and has
// inputs of its own, as users have: files of others cannot be shown to a RUN without a copy.
//
// Requires hyperfine. Docker is reached through DOCKER_HOST or the default socket; $ALPINE_ROOTFS names a real root filesystem to
// use instead of the generated one, which has no commands to RUN. Docker clients from 23 on need buildx for RUN --mount. The workload
// `packages` makes its input with mmdebstrap, from the archive that this machine's apt uses. $BENCH_REGISTRY names a registry
// for the caches that travel. Between runs, all images and the build cache of that Docker are removed. Inputs and results are kept in bench/work ($BENCH_WORK).
// No program gets NODE_EXTRA_CA_CERTS: Node 20 reads what it names for 75 ms whenever it starts, which says nothing about tare.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeInput } from './inputs.js'
import { findPeers } from './peers.js'
import { workloadsIn } from './workloads.js'

delete process.env.NODE_EXTRA_CA_CERTS
const work = process.env.BENCH_WORK ?? join(dirname(fileURLToPath(import.meta.url)), 'work')
const { values, positionals } = parseArgs({
  options: {
    runs: { type: 'string', default: '7' },
    node: { type: 'string', multiple: true, default: [] },
    user: { type: 'string', multiple: true, default: [] },
  },
  allowPositionals: true,
})
const scratch = join(work, 'scratch')
mkdirSync(scratch, { recursive: true })
const peers = findPeers(scratch, { nodes: values.node, users: values.user })
const workloads = workloadsIn(scratch)

const quietly = (command) => execFileSync('sh', ['-c', `{ ${command}; } >/dev/null 2>&1 || true`])

function measure({ once, before = 'true', timed }, peer) {
  quietly(peer.forget)
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

/** Returns a copy of the input that belongs to the user. */
function ownInput(folder, user) {
  const own = `${folder}-${user}`
  if (!existsSync(own))
    execFileSync('sh', [
      '-c',
      `cp -a ${folder} ${own}-new && chown -hR ${user}:${user} ${own}-new && mv ${own}-new ${own}`,
    ])
  return own
}

const needRootfs = ['stages', 'runs', 'binds']
const has = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
const possible = Object.entries(workloads).flatMap(([name, { input }]) => {
  const needs = input === 'packages' ? has('mmdebstrap') : process.env.ALPINE_ROOTFS || !needRootfs.includes(input)
  const isPossible = needs && (process.env.BENCH_REGISTRY || !name.startsWith('travel'))
  return isPossible ? [name] : []
})
const lines = []
console.log(
  `seconds, median of ${values.runs} (fastest .. slowest), and the peak memory of the command itself; a daemon's is its own`,
)
for (const name of positionals.length > 0 ? positionals : possible) {
  const { input, of } = workloads[name]
  const folder = await makeInput(work, input)
  let first
  for (const [who, peer] of Object.entries(peers)) {
    const commands = of(peer, peer.user === undefined ? folder : ownInput(folder, peer.user))
    if (commands === undefined) continue
    if (commands.reason !== undefined) {
      console.log(`${name.padEnd(20)} ${who.padEnd(10)} is left out: ${commands.reason}`)
      continue
    }
    const { median, min, max, peak } = measure(commands, peer)
    first ??= median
    const ratio = who.startsWith('tare') ? '' : `   tare takes ${(first / median).toFixed(2)} x ${who}`
    const line = `${name.padEnd(20)} ${who.padEnd(10)} ${median.toFixed(3)} (${min.toFixed(3)} .. ${max.toFixed(3)})  ${peak.toFixed(0)} MiB${ratio}`
    console.log(line)
    lines.push(line)
  }
}
writeFileSync(join(work, 'results.txt'), `${lines.join('\n')}\n`)
