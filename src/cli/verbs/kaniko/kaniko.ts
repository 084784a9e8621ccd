import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Call, defineVerb } from '../../command.ts'
import { Failure, UsageError } from '../../failure.ts'
import { type FlagTable, parseFlags } from '../../flags.ts'
import { print } from '../../streams.ts'
import { refuseUnwritable, writeWhole } from '../build/build-files.ts'
import { buildLine } from './build-line.ts'
import { type KanikoFlags, kanikoFlags } from './kaniko-flags.ts'
import { registriesConf } from './registries.ts'

type KanikoCall = Call<KanikoFlags>

export const kaniko = defineVerb({
  usage: '[OPTIONS]',
  about: `Builds and pushes with the flags of kaniko's executor, also when started under the name "executor". See docs/kaniko.md for what
each flag does here.`,
  args: { least: 0, most: 1 },
  flags: kanikoFlags,
  run: async (call) => {
    const [word] = call.args
    if (word === 'version') return version(call)
    if (word !== undefined) throw new UsageError(`"${call.name}" accepts no arguments`, undefined, 1)
    const folder = mkdtempSync(join(tmpdir(), 'tare-kaniko-'))
    try {
      const metadata = join(folder, 'metadata.json')
      const env = { ...call.env, ...placesOf(call), ...registriesOf(call, folder) }
      const line = buildLine(call.flags, env, metadata)
      prepareFiles(call)
      const { build } = await import('../build/build.ts')
      const around = line.context.stdin === undefined ? call.streams : { ...call.streams, stdin: line.context.stdin }
      const parsed = parseFlags<FlagTable>(build.flags, line.words)
      const environment = { ...env, ...line.env }
      const context = {
        ...{
          debug: call.debug,
          name: call.name,
          signal: call.signal,
          streams: around as typeof call.streams,
          env: environment,
        },
        ...{ now: () => call.now(), takeSignals: () => call.takeSignals() },
        open: async () => (await import('../../../index.ts')).openTare({ environment }),
      }
      const code = await build.start(context, parsed)
      if (code === 0) writeDigests(call, metadata)
      return code
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
})

/** `executor version` is in many a script. */
async function version({ streams, open }: KanikoCall): Promise<number> {
  const { version } = await (await open()).version()
  await print(streams, `Kaniko version :  v1.24.0 (tare ${version})\n`)
  return 0
}

/** kaniko's image has its logins and authorities in one folder. */
function placesOf({ env, flags }: KanikoCall): Record<string, string> {
  const folder = flags['kaniko-dir'] || env['KANIKO_DIR'] || '/kaniko'
  const logins = join(folder, '.docker')
  const certificates = join(folder, 'ssl/certs')
  return {
    ...(env['DOCKER_CONFIG'] === undefined && existsSync(join(logins, 'config.json')) ? { DOCKER_CONFIG: logins } : {}),
    ...(env['SSL_CERT_DIR'] === undefined && existsSync(certificates) ? { SSL_CERT_DIR: certificates } : {}),
  }
}

function registriesOf({ env, flags }: KanikoCall, folder: string): Record<string, string> {
  const given = (name: string) => (env[name] ? [env[name]] : [])
  const text = registriesConf({
    maps: [...flags['registry-map'], ...given('KANIKO_REGISTRY_MAP')],
    mirrors: [...flags['registry-mirror'], ...given('KANIKO_REGISTRY_MIRROR')].flatMap((one) => one.split(',')),
    insecure: [...flags['insecure-registry'], ...flags['skip-tls-verify-registry']],
    mirrorsOnly: flags['skip-default-registry-fallback'],
  })
  if (text === undefined) return {}
  const path = join(folder, 'registries.conf')
  writeFileSync(path, text)
  return { CONTAINERS_REGISTRIES_CONF: path }
}

const digestFiles = ['digest-file', 'image-name-with-digest-file', 'image-name-tag-with-digest-file'] as const

/** As kaniko does, creates the folders of the files that get the digest. */
function prepareFiles({ flags }: KanikoCall): void {
  for (const name of digestFiles) {
    const path = flags[name]
    if (!path) continue
    if (/^https?:\/\//.test(path))
      throw new UsageError(`--${name} ${path} is not supported`, 'Name a file, and send it from there.', 1)
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    } catch (error) {
      throw new Failure(`cannot write ${path}: ${(error as Error).message}`)
    }
    refuseUnwritable(path)
  }
}

function writeDigests({ flags }: KanikoCall, metadata: string): void {
  const digest = JSON.parse(readFileSync(metadata, 'utf8'))['containerimage.digest'] as string
  const write = (path: string | undefined, text: string) => path && writeWhole(path, text)
  write(flags['digest-file'], digest)
  const lines = (nameOf: (name: string) => string) =>
    flags.destination.map((name) => `${nameOf(name)}@${digest}\n`).join('')
  write(
    flags['image-name-with-digest-file'],
    lines((name) => name.replace(/:[^/:]*$/, '')),
  )
  write(
    flags['image-name-tag-with-digest-file'],
    lines((name) => (/:[^/:]*$/.test(name) ? name : `${name}:latest`)),
  )
}
