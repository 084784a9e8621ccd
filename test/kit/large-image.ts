import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tare } from '../../src/api/index.ts'
import { openTare } from '../../src/verbs/library.ts'
import { temporaryFolder } from './cli.ts'

/** Builds an image with a layer of 8 MiB, three of which cannot be compressed. */
export async function buildLarge(tag: string): Promise<Tare> {
  const tare = await openTare({ home: temporaryFolder(), environment: {} })
  const context = temporaryFolder()
  writeFileSync(join(context, 'data'), Buffer.concat([randomBytes(3 << 20), Buffer.alloc(5 << 20, 'a line of text\n')]))
  const dockerfile = { text: 'FROM scratch\nCOPY data /\n' }
  await tare.build({ context: { kind: 'directory', path: context }, dockerfile, tags: [tag] })
  return tare
}
