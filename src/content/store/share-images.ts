import { copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { RecordKind } from './records.ts'

// What is known about images and layers, not how they were made.
const kinds: readonly RecordKind[] = ['bases', 'origins', 'layers']

/** Makes `to` a store that has the images of the store `home`, by links to its blobs, and none of its steps. */
export function shareImages(home: string, to: string): void {
  const blobs = join(home, 'blobs/sha256')
  mkdirSync(join(to, 'blobs/sha256'), { recursive: true, mode: 0o700 })
  for (const name of namesIn(blobs)) symlinkSync(join(blobs, name), join(to, 'blobs/sha256', name))
  for (const name of ['index.json', 'oci-layout'])
    if (existsSync(join(home, name))) copyFileSync(join(home, name), join(to, name))
  for (const kind of kinds) {
    const records = join(home, 'tare', kind)
    const names = namesIn(records)
    if (names.length > 0) mkdirSync(join(to, 'tare', kind), { recursive: true, mode: 0o700 })
    for (const name of names) copyFileSync(join(records, name), join(to, 'tare', kind, name))
  }
}

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}
