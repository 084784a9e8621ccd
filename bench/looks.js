import { join } from 'node:path'

const many = 'usr/lib/modules/package-3-4'
const commands = {
  'many-files': `image files bench-many ${many}`,
  'many-file': `image cat bench-many ${many}/file-5.js`,
  'many-why': `image why bench-many ${many}/file-5.js`,
  'many-tree': 'image files --tree --depth 3 bench-many',
  'many-weigh': 'image weigh bench-many',
  'many-sbom': 'sbom bench-many',
}

/** Looks into images, which no peer does: 200,000 files in 30 layers from the store; a compressed archive for the first time. */
export function looksIn(scratch) {
  const packed = join(scratch, 'big-gzip.tar')
  const indexes = join(scratch, 'big-indexes')
  const changed = join(scratch, 'big-changed')
  const [a, b] = [join(scratch, 'unpacked-a'), join(scratch, 'unpacked-b')]
  /** Two images of 1 GiB that differ in one file. What differs ends with 1, which hyperfine takes for a failure. */
  const other = (folder) =>
    `rm -rf ${changed}; cp -a ${folder} ${changed}; echo x >${changed}/extra; tar -rf ${changed}/big.tar -C ${changed} extra`
  const twoBig = (peer, folder) =>
    `${peer.build('bench-big', folder)}; ${other(folder)}; ${peer.build('bench-other', changed)}`
  const bigDiff = (peer) => `sh -c '${peer.call} image diff --semantic bench-big bench-other; test $? = 1'`
  const onlyTare = (input, of) => ({ input, of: (peer, folder) => peer.call && of(peer, folder) })
  const looks = Object.entries(commands).map(([name, command]) => [
    name,
    onlyTare('many', (peer, folder) => ({
      once: peer.build('bench-many', folder),
      timed: `${peer.call} ${command}`,
    })),
  ])
  return {
    ...Object.fromEntries(looks),
    'first-look': onlyTare('big', (peer, folder) => ({
      once: `${peer.call} build -q -o type=oci,dest=${packed},compression=gzip,force-compression=true ${folder}`,
      before: peer.forget,
      timed: `${peer.call} image layers ${packed}`,
    })),
    // The image has no command, which is a finding: it ends with 1.
    'many-check': onlyTare('many', (peer, folder) => ({
      once: peer.build('bench-many', folder),
      timed: `sh -c '${peer.call} check bench-many; test $? = 1'`,
    })),
    'many-diff': onlyTare('many', (peer, folder) => ({
      once: peer.build('bench-many', folder),
      timed: `sh -c '${peer.call} image diff bench-many bench-many#1..29; test $? = 1'`,
    })),
    // The first time, and when it is known which files are the same.
    'big-diff': onlyTare('big', (peer, folder) => ({
      once: `${twoBig(peer, folder)}; rm -rf ${indexes}; cp -a ${peer.indexes} ${indexes}`,
      before: `cp -a ${indexes}/. ${peer.indexes}`,
      timed: bigDiff(peer),
    })),
    'big-diff-again': onlyTare('big', (peer, folder) => ({ once: twoBig(peer, folder), timed: bigDiff(peer) })),
    'big-diff-by-tar': onlyTare('big', (_, folder) => ({
      once: other(folder),
      before: `rm -rf ${a} ${b}; mkdir ${a} ${b}`,
      timed: `sh -c 'tar -xf ${folder}/big.tar -C ${a}; tar -xf ${changed}/big.tar -C ${b}; diff -r --no-dereference ${a} ${b}; test $? = 1'`,
    })),
  }
}
