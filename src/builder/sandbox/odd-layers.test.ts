import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alpineStack, plainCommand, sandboxVariants } from '../../../test/kit/alpine-steps.ts'
import { archiveOf, entry, folder, symlink } from '../../../test/kit/hostile-tar.ts'
import { mergeLayers } from '../../files/layer/index.ts'
import { chooseSandbox } from './choose-sandbox.ts'
import type { Stack } from './step/index.ts'

// Layers that name a path twice. What Docker's containerd store accepts is what a step sees.

const removed = (path: string) => entry({ path: path.replace(/([^/]*)$/, '.wh.$1') })
const below = archiveOf(folder('d'), entry({ path: 'd/x' }, 'x'), folder('t'), entry({ path: 't/x' }, 'tx'))
const layers: Readonly<Record<string, readonly [layer: Buffer, shown: string]>> = {
  'a link, then a directory': [archiveOf(symlink('l', 't'), folder('l'), entry({ path: 'l/y' })), '/d/x /l /l/y /t/x'],
  'a link, then a directory, and something removed from it': [
    archiveOf(symlink('d', 't'), folder('d'), removed('d/x'), entry({ path: 'd/y' })),
    '/d/y /t/x',
  ],
  'a link, then a directory that hides what was there': [
    archiveOf(symlink('d', 't'), folder('d'), removed('d/.wh..opq'), entry({ path: 'd/z' })),
    '/d/z /t/x',
  ],
  'a file, then a directory, and something removed from it': [
    archiveOf(entry({ path: 'd' }, 'file'), folder('d'), removed('d/x')),
    '/t/x',
  ],
  'a directory, then a link': [archiveOf(folder('d'), symlink('d', 't')), '/d/x /t/x'],
  'something removed through a link': [archiveOf(symlink('l', 't'), removed('l/x')), '/d/x /l'],
}

for (const { name, isolation, runtime, hindrance } of sandboxVariants()) {
  describe.skipIf(hindrance !== undefined)(`a layer in the sandbox ${name}`, () => {
    let home: string
    let base: Stack
    let lower: Stack

    beforeAll(() => {
      home = mkdtempSync(join(tmpdir(), 'tare-odd-'))
      base = alpineStack(join(home, 'base.tar'))
      lower = alpineStack(join(home, 'lower.tar'), below)
    })
    afterAll(() => rmSync(home, { recursive: true, force: true }))

    const stackWith = (i: number, bytes: Buffer): Stack => {
      const upper = alpineStack(join(home, `upper-${i}.tar`), bytes)
      const all = [...base.layers, ...lower.layers, ...upper.layers]
      const tree = mergeLayers(all)
      return { layers: all.map((layer, n) => ({ ...layer, chain: `${i}.${n} ${layer.chain}` })), tree: () => tree }
    }

    test.each(Object.entries(layers))('may have %s', async (title, [bytes, shown]) => {
      const sandbox = await chooseSandbox({ folder: home, isolation, runtime }).open()
      try {
        let out = ''
        const script = 'for p in /d/* /l /l/* /t/*; do [ ! -e "$p" ] || echo "$p"; done'
        const outcome = await sandbox.run(
          stackWith(Object.keys(layers).indexOf(title), bytes),
          { ...plainCommand, argv: ['/bin/sh', '-c', script] },
          { output: (_, text) => (out += text), signal: new AbortController().signal },
        )
        await outcome.release()
        expect(out.trim().split('\n').join(' ')).toBe(shown)
      } finally {
        await sandbox.close()
      }
    })
  })
}
