import type { ExportOptions } from '../../api/index.ts'
import { openFileOutput } from '../../content/archive/index.ts'
import { openContents, tarOf } from '../../images/contents/index.ts'
import type { Host } from '../../images/index.ts'
import { FlatFilesystem } from '../../inspection/index.ts'

/** Writes the filesystem that the layers of an image make together, as a tar. */
export async function exportImage(host: Host, options: ExportOptions): Promise<void> {
  const image = await openContents(host, options.image, { ...options, contents: true })
  try {
    const flat = FlatFilesystem.of(image.layers)
    await image.unpack()
    const output = 'path' in options.to ? await openFileOutput(options.to.path) : undefined
    const target = output ?? (options.to as { write(chunk: Uint8Array): Promise<unknown> })
    try {
      for await (const chunk of tarOf(image, flat, flat.walk())) {
        options.signal?.throwIfAborted()
        await target.write(chunk)
      }
      await output?.finish()
    } catch (error) {
      await output?.discard()
      throw error
    }
  } finally {
    await image.close()
  }
}
