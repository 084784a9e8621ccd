import { linkSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeFolderOfMode } from '../../../disk/index.ts'
import type { OutputPipes } from './output-pipes.ts'

/** Creates names for the standard streams in /dev and /proc of a root without a real /proc. Without pipes they are the terminal. */
export function putStreams(root: string, pipes: OutputPipes | undefined): void {
  const streams = join(root, 'proc/self/fd')
  for (const folder of [dirname(streams), streams]) makeFolderOfMode(folder, 0o755)
  symlinkSync(pipes === undefined ? '/dev/tty' : '/dev/null', join(streams, '0'))
  for (const [i, name] of (['stdout', 'stderr'] as const).entries()) {
    if (pipes === undefined) symlinkSync('/dev/tty', join(streams, String(i + 1)))
    else linkSync(pipes.path(name), join(streams, String(i + 1)))
  }
  symlinkSync('/proc/self/fd', join(root, 'dev/fd'))
  for (const [i, name] of ['stdin', 'stdout', 'stderr'].entries())
    symlinkSync(`/proc/self/fd/${i}`, join(root, 'dev', name))
}
