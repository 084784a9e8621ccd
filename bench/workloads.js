import { join } from 'node:path'
import { looksIn } from './looks.js'

/** For each workload: its input, and for a peer what is done once, what before each run, and what is timed; undefined if it has no such thing; `reason` says why it is left out. */
export function workloadsIn(scratch) {
  const archive = join(scratch, 'save.tar')
  const files = join(scratch, 'files')
  const cold = (input) => ({
    input,
    of: (peer, folder) => ({ before: peer.forget, timed: peer.build(`bench-${input}`, folder, true) }),
  })
  const cached = (input) => ({
    input,
    of: (peer, folder) => ({ once: peer.build(`bench-${input}`, folder), timed: peer.build(`bench-${input}`, folder) }),
  })
  /** Is left out for a peer that cannot RUN --mount. */
  const mounting = ({ input, of }) => ({
    input,
    of: (peer, folder) => (peer.noMounts ? { reason: peer.noMounts } : of(peer, folder)),
  })
  const afterBuild = (timed, before) => ({
    input: 'alpine',
    of: (peer, folder) => ({ once: peer.build('bench-alpine', folder), before, timed: timed(peer) }),
  })
  // A store without anything, and the cache of an earlier build in a registry.
  const registry = `${process.env.BENCH_REGISTRY}/bench`
  const travels = (timed, before = 'true') => ({
    input: 'steps',
    of: (peer, folder) =>
      process.env.BENCH_REGISTRY &&
      peer.travel && {
        once: peer.travel(folder, `--push -t ${registry}:1 --cache-to type=registry,ref=${registry}:cache,mode=max`),
        before: `${peer.forget}; ${before.replaceAll('FOLDER', folder)}`,
        timed: peer.travel(folder, `${timed} --cache-from type=registry,ref=${registry}:cache`),
      },
  })
  const platforms = (input, count) => ({
    input,
    of: (peer, folder) =>
      peer.start && {
        before: peer.forget,
        timed: peer.travel(
          folder,
          `--no-cache --platform ${['linux/amd64', 'linux/arm64', 'linux/arm/v7'].slice(0, count)} -t bench-many`,
        ),
      },
  })
  const small = (count) => ({
    [`small-${count}-cold`]: cold(`small-${count}`),
    [`small-${count}-cached`]: cached(`small-${count}`),
  })
  return {
    // What Node alone takes.
    start: { input: 'alpine', of: (peer) => peer.start && { timed: peer.start } },
    images: afterBuild((peer) => peer.images),
    inspect: afterBuild((peer) => peer.inspect('bench-alpine')),
    save: afterBuild((peer) => peer.save('bench-alpine', archive), `rm -f ${archive}`),
    'alpine-cold': cold('alpine'),
    'alpine-cached': cached('alpine'),
    // A folder the builder has not seen before: hard links to the same files.
    'files-cold': {
      input: 'files',
      of: (peer, folder) => ({
        before: `${peer.forget}; rm -rf ${files}-new; cp -al ${folder} ${files}-new`,
        timed: peer.build('bench-files', `${files}-new`, true),
      }),
    },
    'files-changed': {
      input: 'files',
      of: (peer, folder) => ({
        once: `rm -rf ${files}; cp -a ${folder} ${files}; ${peer.build('bench-files', files)}`,
        before: `date +%s%N >${files}/src/d5/s5/f105`,
        timed: peer.build('bench-files', files),
      }),
    },
    // The files of a cached image into a new folder, and what cp takes for the same (at most 1.5 times as long is the aim).
    'local-20000': {
      input: 'small-20000',
      of: (peer, folder) =>
        peer.extract && {
          once: peer.build('bench-local', folder),
          before: `rm -rf ${files}-out`,
          timed: peer.extract(folder, `${files}-out`),
        },
    },
    'copy-20000': {
      input: 'small-20000',
      of: (peer, folder) => peer.start && { before: `rm -rf ${files}-out`, timed: `cp -a ${folder} ${files}-out` },
    },
    // One platform and three: all files shared (at most 1.2 times as long is the aim), and a root filesystem each (2 times).
    'shared-one': platforms('small-20000', 1),
    'shared-three': platforms('small-20000', 3),
    'rootfs-one': platforms('roots', 1),
    'rootfs-three': platforms('roots', 3),
    ...small(20_000),
    ...small(80_000),
    ...small(320_000),
    'big-cold': cold('big'),
    'big-cached': cached('big'),
    // As after a reboot: tare verifies the layer before using it. The difference from big-cached is the cost per GiB.
    'big-boot': {
      input: 'big',
      of: (peer, folder) =>
        peer.verified && {
          once: peer.build('bench-big', folder),
          before: `rm -rf ${peer.verified}`,
          timed: peer.build('bench-big', folder),
        },
    },
    // 30 steps over 20,000 files, and what Node takes to list and lstat these.
    'steps-cached': cached('steps-files'),
    'steps-lstat': { input: 'steps-files', of: (peer, folder) => peer.lstat && { timed: peer.lstat(folder) } },
    // 30 steps of 500 MB: pushed again to the same registry, with another last step, and brought here.
    'travel-push': travels(`--push -t ${registry}:1`),
    'travel-changed': travels(`--push -t ${registry}:2`, 'date +%s%N >FOLDER/last'),
    'travel-load': travels('--load -t bench-steps'),
    // Two stages with three RUNs, 20 quick RUNs, and three RUNs with a bind mount of 20,000 files: the first time, again, and after
    // one of them changed.
    stages: cold('stages'),
    runs: cold('runs'),
    binds: mounting(cold('binds')),
    'binds-again': mounting({
      input: 'binds',
      of: (peer, folder) => ({
        once: peer.build('bench-binds', folder),
        timed: peer.build('bench-binds', folder, true),
      }),
    }),
    'binds-changed': mounting({
      input: 'binds',
      of: (peer, folder) => ({
        once: `rm -rf ${files}; cp -a ${folder} ${files}; ${peer.build('bench-binds', files)}`,
        before: `date +%s%N >${files}/src/d5/s5/f105`,
        timed: peer.build('bench-binds', files),
      }),
    }),
    // A compiler is installed from a folder of packages; the base and what precedes the RUN are cached.
    packages: mounting({
      input: 'packages',
      of: (peer, folder) => ({
        once: peer.build('bench-packages', folder),
        before: `date +%s%N >${folder}/stamp`,
        timed: peer.build('bench-packages', folder),
      }),
    }),
    ...looksIn(scratch),
  }
}
