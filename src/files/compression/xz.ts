import { type Bytes, messageOf, TareError } from '../../support/index.ts'
import { corrupt } from './corrupt.ts'
import { start, throughProgram } from './program.ts'
import { TrackedSource } from './transform.ts'

/** Decompresses all streams, with the `xz` program if there is one, otherwise in WebAssembly. */
export async function* unxz(bytes: Bytes): Bytes {
  // Some headers request gigabytes of memory, and the program grants that unless limited.
  const program = await start('xz', ['--decompress', '--stdout', '--memlimit-decompress=1GiB'])
  if (program !== undefined) yield* throughProgram(bytes, program, (words) => corrupt('xz', words))
  else yield* decode(bytes)
}

// xz-decompress's errors for an unsupported filter, check (SHA-256) or dictionary.
const unsupported = /error code [3456]$/

async function* decode(bytes: Bytes): Bytes {
  const { XzReadableStream } = await importDecoder()
  const source = new TrackedSource(bytes)
  const pieces = source.bytes()[Symbol.asyncIterator]()
  const input = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await pieces.next()
      if (next.done) controller.close()
      else controller.enqueue(next.value)
    },
  })
  try {
    for await (const chunk of new XzReadableStream(input as never) as unknown as Bytes) {
      if (chunk.length > 0) yield chunk
    }
    if (!(await pieces.next()).done) throw corrupt('xz', 'trailing garbage')
  } catch (error) {
    if (source.failure !== undefined) throw source.failure.error
    if (error instanceof TareError) throw error
    if (!unsupported.test(messageOf(error))) throw corrupt('xz', messageOf(error), error)
    throw new TareError('ARCHIVE_UNSUPPORTED', 'the xz archive uses a check or a filter that is not built in', {
      remedy: 'Install the `xz` program, which is used where it is found.',
      cause: error,
    })
  } finally {
    await pieces.return?.()
  }
}

// A CommonJS package: Node puts its exports into `default`, a bundler does not.
async function importDecoder(): Promise<typeof import('xz-decompress')> {
  const loaded = (await import('xz-decompress')) as typeof import('xz-decompress') & {
    default?: typeof import('xz-decompress')
  }
  return loaded.XzReadableStream === undefined ? loaded.default! : loaded
}
