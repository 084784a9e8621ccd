// Creates a program, builds an image from it, inspects the image and saves it. Each command is shown as you would type it in the
// checkout. Needs no network and no root; the image goes into a temporary store.
import { execFileSync, spawnSync } from 'node:child_process'
import { accessSync, chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { architectureHere, writeHello } from './make-hello.js'

const here = dirname(fileURLToPath(import.meta.url))
const checkout = join(here, '../..')
const program = join(checkout, 'bin/tare.js')
const home = mkdtempSync(join(tmpdir(), 'tare-example-'))
process.on('exit', () => rmSync(home, { recursive: true, force: true }))
const archive = 'examples/hello/hello.tar'

function tare(...argv) {
  console.log(`$ tare ${argv.map(quoted).join(' ')}`)
  const { status } = spawnSync(process.execPath, [program, ...argv], {
    cwd: checkout,
    env: { ...process.env, TARE_HOME: home },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0) process.exit(status ?? 1)
  console.log()
}

/** Returns a program's output; undefined if there is no such program. */
function outputOf(file, argv, input) {
  const { error, stdout, status } = spawnSync(file, argv, { cwd: checkout, input, maxBuffer: 1 << 26 })
  return error === undefined && status === 0 ? stdout : undefined
}

function quoted(word) {
  return /^[\w./:=-]+$/.test(word) ? word : process.platform === 'win32' ? `"${word}"` : `'${word}'`
}

function listArchive() {
  console.log(`$ tar -tvf ${archive}`)
  const members = outputOf('tar', ['-tvf', archive])
  console.log(members?.toString() ?? 'There is no program "tar" on this machine to list it with.\n')
}

/** Runs the program from the saved archive: an image's layer is a tar archive inside it. */
function runFromArchive() {
  const format = '{{index .RootFS.Layers 0}}'
  const diffId = execFileSync(process.execPath, [program, 'inspect', '-f', format, 'hello'], {
    env: { ...process.env, TARE_HOME: home },
    encoding: 'utf8',
  }).trim()
  const member = `blobs/${diffId.replace(':', '/')}`
  const layer = outputOf('tar', ['-xOf', archive, member])
  const bytes = layer === undefined ? undefined : outputOf('tar', ['-xOf', '-', 'hello'], layer)
  if (bytes === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'tare-hello-'))
  const file = join(folder, 'hello')
  try {
    writeFileSync(file, bytes)
    chmodSync(file, 0o755)
    const said = outputOf(file, [])
    if (said === undefined) return
    console.log(`$ tar -xOf ${archive} ${member} | tar -x hello && ./hello`)
    console.log(said.toString())
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

try {
  accessSync(join(checkout, 'dist/cli/main.cjs'))
} catch {
  console.error('There is no dist/ yet: run `npm ci` first.')
  process.exit(1)
}

console.log('$ node examples/hello/make-hello.js\n')
writeHello(join(here, 'hello'))

const isAtHome = process.arch === 'x64' || process.arch === 'arm64'
tare('build', ...(isAtHome ? [] : ['--platform', `linux/${architectureHere()}`]), '-t', 'hello', 'examples/hello')
tare('image', 'ls')
tare('image', 'inspect', '-f', '{{.Os}}/{{.Architecture}} {{json .Config.Cmd}} {{json .Config.Labels}}', 'hello')
tare('image', 'history', 'hello')
tare('image', 'save', '-o', archive, 'hello')
listArchive()
if (process.platform === 'linux' && isAtHome) runFromArchive()
console.log(`The archive is ${archive}: docker load -i, podman load -i or skopeo copy docker-archive:… reads it.`)
