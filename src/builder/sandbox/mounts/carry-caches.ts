import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Bytes, TareError } from '../../../support/index.ts'
import type { Machine } from '../machine/index.ts'
import { ended, findProgram, plainEnvironment } from '../machine/index.ts'

const attributes = ['--xattrs', '--xattrs-include=security.capability', '--xattrs-include=user.*']

/** Streams caches as a tar of `<key>/id` and `<key>/data`, with IDs as seen in the sandbox. */
export async function* sendCaches(machine: Machine, folder: string, keys: readonly string[]): AsyncGenerator<Buffer> {
  const options = ['--format=posix', '--pax-option=delete=atime,delete=ctime', '--numeric-owner', '--sort=name']
  const names = keys.flatMap((key) => [`${key}/id`, `${key}/data`])
  const argv = [...machine.enter([]), tarProgram(), '--no-unquote', '--create', '--file', '-', ...options]
  // An archive without entries is valid too; without caches, there may be no folder either.
  const list = names.length === 0 ? ['--files-from', '/dev/null'] : ['--directory', folder, '--', ...names]
  const child = start([...argv, ...attributes, ...list], 'ignore')
  const complaint = lastWords(child.stderr!)
  const code = ended(child)
  code.catch(() => {})
  try {
    yield* child.stdout! as AsyncIterable<Buffer>
    // 1 means that a file changed meanwhile, which is normal for caches.
    if ((await code) > 1) throw new TareError('CACHE_UNREADABLE', `cannot read the cache mounts: ${complaint()}`)
  } finally {
    child.kill('SIGKILL')
  }
}

export interface Taken {
  readonly key: string
  readonly id: string
}

/** Extracts such a tar to an empty folder. Throws `ARCHIVE_INVALID` for anything else. */
export async function receiveCaches(machine: Machine, folder: string, bytes: Bytes): Promise<readonly Taken[]> {
  const options = ['--same-owner', '--numeric-owner', '--same-permissions', '--delay-directory-restore']
  const argv = [
    ...machine.enter([]),
    tarProgram(),
    '--no-unquote',
    '--extract',
    '--file',
    '-',
    '--directory',
    folder,
    ...options,
  ]
  const child = start([...argv, ...attributes, '--warning=no-timestamp'], 'pipe')
  const complaint = lastWords(child.stderr!)
  const code = ended(child)
  code.catch(() => {})
  child.stdout!.resume()
  try {
    // If tar has read enough, the pipe breaks; its exit code shows whether that is an error.
    let failure: unknown
    await pipeline(Readable.from(bytes), child.stdin!).catch((error: unknown) => {
      failure = error
    })
    if (failure instanceof TareError) throw failure
    if ((await code) !== 0) throw invalid(complaint() || 'tar failed')
  } finally {
    child.kill('SIGKILL')
  }
  return readdirSync(folder).map((key) => ({ key, id: checked(folder, key) }))
}

/** Returns the id of a cache after checking that it looks like one of ours. */
function checked(folder: string, key: string): string {
  const at = (name: string) => lstatSync(join(folder, key, name), { throwIfNoEntry: false })
  const whole =
    lstatSync(join(folder, key)).isDirectory() &&
    at('id')?.isFile() === true &&
    at('data')?.isDirectory() === true &&
    readdirSync(join(folder, key)).length === 2
  if (!whole) throw invalid(`${key} is none`)
  const id = readFileSync(join(folder, key, 'id'), 'utf8')
  const hash = (text: string) => createHash('sha256').update(text).digest('hex')
  for (let n = 0; n < 1000; n++) if (hash(n === 0 ? id : `${id}\0${n}`) === key) return id
  throw invalid(`${key} is not the name of ${JSON.stringify(id)}`)
}

function invalid(why: string): TareError {
  return new TareError('ARCHIVE_INVALID', `not an archive of cache mounts: ${why}`, {
    remedy: '`tare cache export --mounts FILE` writes one.',
  })
}

function start(argv: readonly string[], input: 'ignore' | 'pipe') {
  const [program = '', ...rest] = argv
  return spawn(program, rest, { env: plainEnvironment, stdio: [input, 'pipe', 'pipe'] })
}

function tarProgram(): string {
  return findProgram('tar') ?? 'tar'
}

function lastWords(stderr: NodeJS.ReadableStream): () => string {
  let text = ''
  stderr.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(0, 1000)
  })
  return () => text.trim().split('\n', 1)[0] ?? ''
}
