import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const program = join(dirname(fileURLToPath(import.meta.url)), '../bin/tare.js')
const works = (command) => spawnSync('sh', ['-c', command], { stdio: 'ignore' }).status === 0

/** tare on a Node, as a user if one is named. */
function tare(scratch, node, user) {
  const home = join(scratch, `tare-home-${user ?? 'root'}`)
  const as = user === undefined ? '' : `setpriv --reuid ${user} --regid ${user} --clear-groups `
  // Whoever works with tare has a home, where compiled code is kept.
  mkdirSync(`${home}-user`, { recursive: true })
  if (user !== undefined) chownSync(`${home}-user`, Number(user), Number(user))
  const call = `${as}env TARE_HOME=${home} HOME=${home}-user ${node} ${program}`
  return {
    user,
    build: (tag, folder, fresh) => `${call} build -q ${fresh ? '--no-cache' : ''} -t ${tag} ${folder}`,
    extract: (folder, to) => `${call} build -q -o ${to} ${folder}`,
    save: (tag, file) => `${call} save -o ${file} ${tag}`,
    images: `${call} images`,
    inspect: (tag) => `${call} inspect ${tag}`,
    call,
    start: `${node} -e 0`,
    lstat: (folder) => `${node} ${join(dirname(program), '../bench/lstat.js')} ${folder}`,
    travel: (folder, flags) => `${call} build -q ${flags} ${folder}`,
    forget: `rm -rf ${home}`,
    verified: `${home}/tare/verified`,
    indexes: `${home}/tare/layers`,
  }
}

/** For each peer that there is: how it builds (`fresh`: without a cache), saves, looks and removes. */
export function findPeers(scratch, { nodes, users }) {
  mkdirSync(scratch, { recursive: true })
  // Of the users, too.
  chmodSync(scratch, 0o1777)
  const root = join(scratch, 'buildah')
  const buildah = `buildah --root ${root} --runroot ${root}-run --storage-driver overlay`
  // Clients from 23 on need the plugin for it.
  const buildKit = works('docker buildx version || docker --version | grep -qE "version (19|20|2[0-2])[.]"') ? 1 : 0
  const peers = { tare: tare(scratch, process.execPath) }
  for (const node of nodes) {
    const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()
    peers[`tare-${version.split('.')[0]}`] = tare(scratch, node)
  }
  for (const user of users) peers[`tare-${user}`] = tare(scratch, process.execPath, user)
  if (works('docker version'))
    peers.docker = {
      build: (tag, folder, fresh) =>
        `env DOCKER_BUILDKIT=${buildKit} docker build -q --network=host ${fresh ? '--no-cache' : ''} -t ${tag} ${folder}`,
      noMounts: buildKit === 0 && 'its legacy builder has no RUN --mount: install buildx',
      save: (tag, file) => `docker save -o ${file} ${tag}`,
      images: 'docker images',
      inspect: (tag) => `docker inspect ${tag}`,
      // The classic image store exports no cache to a registry.
      travel: (folder, flags) =>
        `${process.env.BENCH_BUILDX ?? 'docker buildx'} build -q --network=host ${flags} ${folder}`,
      forget: 'docker image prune -af; docker builder prune -af',
    }
  if (works(`${buildah} images`))
    peers.buildah = {
      build: (tag, folder, fresh) =>
        `${buildah} bud -q --isolation chroot --layers ${fresh ? '--no-cache' : ''} -t ${tag} ${folder}`,
      save: (tag, file) => `${buildah} push -q ${tag} docker-archive:${file}:${tag}:latest`,
      images: `${buildah} images`,
      inspect: (tag) => `${buildah} inspect ${tag}`,
      forget: `${buildah} rmi -af`,
    }
  return peers
}
