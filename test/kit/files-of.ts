import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Bench } from './cli.ts'

/** What is in the image's last layer, by path; of a file its text. */
export async function filesOf({ succeed, home }: Bench, name: string): Promise<Record<string, string>> {
  const layers = JSON.parse(await succeed(['inspect', '-f', '{{json .RootFS.Layers}}', name])) as string[]
  const layer = join(home, 'blobs', layers.at(-1)!.replace(':', '/'))
  const paths = execFileSync('tar', ['-tf', layer], { encoding: 'utf8' }).split('\n').filter(Boolean)
  return Object.fromEntries(
    paths.map((path) => [
      path,
      path.endsWith('/') ? '' : execFileSync('tar', ['-xOf', layer, path], { encoding: 'utf8' }),
    ]),
  )
}
