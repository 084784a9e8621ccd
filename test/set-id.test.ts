import { lstatSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openAlpine } from './kit/alpine.ts'
import { faultsOf } from './kit/check-store.ts'
import { isRoot } from './kit/cli.ts'
import { onDisk } from './kit/on-disk.ts'
import { hasRootFilesystem } from './kit/root-filesystem.ts'
import { waysToRun } from './kit/sandboxes.ts'

onDisk()

// Set-user-ID programs: in each step as Docker has them, and between steps not of use to anybody who gets into the store.

const ways = hasRootFilesystem ? waysToRun() : []

/** The files below a folder that have the bits. As a user, some folders are closed. */
function withBits(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
  return names
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => join(parentPath, name))
    .filter((path) => (lstatSync(path).mode & 0o6000) !== 0)
}

const makes = `FROM alpine AS base
RUN <<EOF
set -e
mkdir -p /d/e
for name in /su /gone /off /d/e/sg "/d/a b"; do echo "$name" > "$name"; done
ln /su /d/link
ln -s /etc/hosts /d/to
chmod 4755 /su /gone
chmod 4711 /off
chmod 2755 /d/e/sg
chmod 6555 "/d/a b"
EOF
RUN chmod 711 /off && rm /gone && touch -d @1000000000 /d
`
const shown = 'stat -c "%a %n" /su /off /d/e/sg "/d/a b" /d/link && cat /d/link "/d/a b" && stat -c %Y /d && ls /'
const expected = '4755 /su\n711 /off\n2755 /d/e/sg\n6555 /d/a b\n4755 /d/link\n/su\n/d/a b\n1000000000\n'

describe.skipIf(!hasRootFilesystem).each(ways)('set-user-ID programs: $name', (way) => {
  test('have their bits in steps and images, and not at rest', async () => {
    const { succeed, home, folder } = openAlpine(way, '')
    const build = async (file: string) => {
      writeFileSync(join(folder, 'context/Dockerfile'), file)
      await succeed(['build', '-q', '-t', 'app', 'context'])
      if (isRoot) expect(withBits(home)).toEqual([])
    }
    const first = `${makes}RUN (${shown}) > /seen\n`
    await build(first)
    expect(await succeed(['image', 'cat', 'app', '/seen'])).toContain(expected)
    expect(await succeed(['image', 'cat', 'app', '/seen'])).not.toContain('gone')
    // In a later build, on what was kept; in a mount; and on layers that are unpacked again.
    const bind = way.bare ? '' : '--mount=type=bind,from=base,target=/m '
    const second = `${makes}FROM base\nRUN ${bind}true; (${shown}) > /again${bind && '; stat -c "%a %n" /m/su >> /again'}\n`
    await build(second)
    const again = await succeed(['image', 'cat', 'app', '/again'])
    expect(again).toContain(expected)
    if (bind) expect(again).toContain('4755 /m/su\n')
    await succeed(['builder', 'prune', '-f', '--filter', 'type=regular'])
    await build(`${first}RUN (${shown}) > /third\n`)
    expect(await succeed(['image', 'cat', 'app', '/third'])).toContain(expected)
    if (isRoot) expect(withBits(home)).toEqual([])
    expect(await succeed(['image', 'files', '-l', 'app', '/su'])).toMatch(/^-rwsr-xr-x .* \/su$/m)
    expect(await faultsOf(home)).toEqual([])
  })
})
