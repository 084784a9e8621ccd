import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { shareImages } from '../../../../content/store/index.ts'
import type { BuildOptions, BuildResult, Ignorable, ImageDiff, Tare } from '../../../../index.ts'
import type { Call } from '../../../command.ts'
import { Failure } from '../../../failure.ts'
import { print, tell } from '../../../streams.ts'
import { printable } from '../../../text/printable.ts'
import { diffTable } from '../../contents/diff-table.ts'
import type { BuildFlags } from '../build-flags.ts'
import { copyContext, type OtherPlace, otherPlace, sizeOfFiles } from './other-place.ts'

// `date` in a RUN has another second.
const later = 1100
// More files are counted.
const mostFiles = 20

/** Builds without outputs, a second time elsewhere, and compares the two. Throws a Failure if they differ in more than times. */
export async function verifyBuild(call: Call<BuildFlags>, tare: Tare, options: BuildOptions): Promise<void> {
  const { context } = options
  if (context.kind === 'stream')
    throw new Failure('--verify needs a context that can be read twice', { remedy: 'Name a directory or an address.' })
  const bare: BuildOptions = {
    ...options,
    tags: [],
    outputs: undefined,
    cacheTo: undefined,
    onImage: undefined,
    load: false,
  }
  const first = await tare.build(bare)
  const place = otherPlace(tare.home, await roomFor(tare, first, options))
  try {
    await sleep(later, undefined, { signal: call.signal })
    const home = join(place.folder, 'store')
    shareImages(tare.home, home)
    if (context.kind === 'directory') copyContext(context.path, join(place.folder, 'context'))
    const { openTare } = await import('../../../../index.ts')
    const other = await openTare({ home, environment: call.env })
    const second = await surrounded(place.folder, () =>
      other.build({
        ...{ ...bare, cacheFrom: undefined, jobs: 1 },
        buildArgs: { BUILDKIT_SANDBOX_HOSTNAME: 'elsewhere', ...bare.buildArgs },
        context: context.kind === 'directory' ? { ...context, path: join(place.folder, 'context') } : context,
      }),
    )
    const archive = join(place.folder, 'image.tar')
    await other.images.save({ names: [second.id], format: 'oci', to: { path: archive } })
    await report(call, tare, { first, archive, place })
  } catch (error) {
    if (first.names.length === 0) await tare.images.remove({ names: [first.id], force: true }).catch(() => {})
    throw error
  } finally {
    place.remove()
  }
}

/** Returns how many bytes the second build may take: its layers, their files, and the archive of the image. */
async function roomFor(tare: Tare, { id }: BuildResult, { context, platforms = [] }: BuildOptions): Promise<number> {
  const image = await tare.images.inspect(id).catch(() => undefined)
  const files = context.kind === 'directory' ? sizeOfFiles(context.path) : 0
  return (1 << 26) + 4 * (image?.Size ?? 0) * Math.max(1, platforms.length) + 2 * files
}

/** Runs the work with another umask and another TMPDIR. */
async function surrounded<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const umask = process.umask(0o022)
  process.umask(umask === 0o022 ? 0o077 : 0o022)
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = folder
  try {
    return await work()
  } finally {
    process.umask(umask)
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
}

const times: readonly Ignorable[] = ['file-times', 'image-times', 'layers', 'tar-format']

interface BuiltTwice {
  readonly first: BuildResult
  /** Of the second image. */
  readonly archive: string
  readonly place: OtherPlace
}

async function report(call: Call<BuildFlags>, tare: Tare, { first, archive, place }: BuiltTwice): Promise<void> {
  const { id } = first
  const { streams, env } = call
  const isFixed = (env['SOURCE_DATE_EPOCH'] ?? '') !== ''
  const compare = (ignore: readonly Ignorable[]) => tare.images.diff({ a: id, b: archive, ignore })
  const found = await compare(isFixed ? ['names'] : ['names', ...times])
  if (found.equal) {
    const whole = isFixed ? found : await compare(['names'])
    const count = whole.files.length + whole.config.length + whole.history.length
    const but = whole.equal ? '' : `, apart from ${count} times, which SOURCE_DATE_EPOCH would fix`
    const alike = place.isOtherKind ? '' : ' Both disks list directories in the same order.'
    await tell(streams, `\nVerified: built twice, with the same result${but}.${alike}\n`)
    return
  }
  await print(streams, `${diffTable(found, false)}${await makers(tare, id, archive, found)}`)
  throw new Failure('the second build has another result', {
    remedy: isFixed
      ? 'Nothing was named or sent. For times of files that RUN writes, add --rewrite-timestamp.'
      : 'Nothing was named or sent. Differences in times alone do not count as long as SOURCE_DATE_EPOCH is not set.',
  })
}

/** Says which instruction wrote each file that differs. */
async function makers(tare: Tare, a: string, b: string, { files }: ImageDiff): Promise<string> {
  const shown = files.filter(({ type }) => type !== 'directory').slice(0, mostFiles)
  const lines = await Promise.all(
    shown.map(async ({ path, kind }) => {
      const { changes } = await tare.images.why({ image: kind === 'added' ? b : a, path: `/${path}` })
      return ` /${printable(path)}: ${printable(changes.at(-1)?.createdBy ?? 'unknown')}\n`
    }),
  )
  return lines.length === 0 ? '' : `\nWritten by:\n${lines.join('')}`
}
