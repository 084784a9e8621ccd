import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openAlpine } from './kit/alpine.ts'
import { hasRootFilesystem } from './kit/root-filesystem.ts'
import { type Way, waysToRun } from './kit/sandboxes.ts'

// Folders of the context that RUN mounts: themselves, where that cannot be told from a copy. The store says which it was.

const ways = hasRootFilesystem ? waysToRun().filter(({ bare }) => !bare) : []

/** A bench whose context belongs to the way’s user. */
function openContext(way: Way, dockerfile: string, files: Readonly<Record<string, string>>) {
  const bench = openAlpine(way, dockerfile, files)
  const giveAll = () => {
    if (way.user !== undefined) execFileSync('chown', ['-hR', `${way.user}:${way.user}`, bench.context])
  }
  giveAll()
  const kept = join(bench.home, 'tare/mounted')
  const wasCopied = () => {
    const was = existsSync(kept)
    rmSync(kept, { recursive: true, force: true })
    return was
  }
  return { ...bench, giveAll, wasCopied, at: (name: string) => join(bench.context, name) }
}

const look = 'cd /in && { find . -exec stat -c "%n %a %F %u:%g %y" {} + | sort; cat file sub/deep; ./program; } > /seen'

describe.each(ways)('a folder of the context: $name', (way) => {
  test('looks the same itself and as a copy', async () => {
    const { succeed, at, giveAll, wasCopied } = openContext(
      way,
      `RUN --mount=type=bind,source=data,target=/in ${look}\n` +
        'RUN --mount=type=bind,source=data,target=/in,rw echo more >> /in/file && cat /in/file > /changed\n' +
        'USER nobody\nRUN --mount=type=bind,target=/in cat /in/data/sub/deep && ! touch /in/x 2>/dev/null\n',
      { 'data/file': 'one\n', 'data/sub/deep': 'two\n', 'data/program': '#!/bin/sh\necho three\n' },
    )
    chmodSync(at('data/program'), 0o755)
    chmodSync(at('data/file'), 0o604)
    chmodSync(at(''), 0o700)
    symlinkSync('sub/deep', at('data/link'))
    const see = async () => {
      giveAll()
      for (const name of ['data/file', 'data/sub', 'data']) utimesSync(at(name), 1.5e9, 1.6e9 + 0.5)
      await succeed(['build', '-q', '--no-cache', '-t', 'app', 'context'])
      return { seen: await succeed(['run', 'app', 'cat', '/seen', '/changed']), copied: wasCopied() }
    }
    const itself = await see()
    expect(itself).toMatchObject({ copied: false, seen: expect.stringContaining('one\ntwo\nthree\none\nmore\n') })
    writeFileSync(at('data/ignored'), '')
    writeFileSync(at('.dockerignore'), 'data/ignored\n')
    expect(await see()).toEqual({ copied: true, seen: itself.seen })
    unlinkSync(at('data/ignored'))
    expect(await see()).toEqual(itself)
  })

  test.each(['/in/new/place', '/through/place'])('takes a mount at %s, and has no place for it', async (place) => {
    const { succeed, at } = openContext(
      way,
      `RUN ln -s /in /through\nRUN --mount=type=bind,source=data,target=/in --mount=type=tmpfs,target=${place} cat /in/file && touch ${place}/x\n` +
        'RUN --mount=type=bind,source=data,target=/in ls /in > /seen\n',
      { 'data/file': 'one\n' },
    )
    await succeed(['build', '-q', '-t', 'app', 'context'])
    expect(await succeed(['run', 'app', 'cat', '/seen'])).toBe('file\n')
    expect(readdirSync(at('data'))).toEqual(['file'])
  })

  test('has other mounts inside, where it has places for them', async () => {
    const { succeed, at, wasCopied } = openContext(
      way,
      'RUN --mount=type=bind,source=data,target=/in --mount=type=tmpfs,target=/in/place touch /in/place/x && ls /in/place > /seen\n' +
        'RUN --mount=type=bind,source=data,target=/in ls /in/place >> /seen\n',
      { 'data/file': 'one\n', 'data/place/own': '' },
    )
    await succeed(['build', '-q', '-t', 'app', 'context'])
    expect(await succeed(['run', 'app', 'cat', '/seen'])).toBe('x\nown\n')
    expect({ copied: wasCopied(), left: readdirSync(at('data/place')) }).toEqual({ copied: false, left: ['own'] })
  })

  test('that changes while a step sees it makes a result that is not found again', async () => {
    const { start, at, home } = openContext(
      way,
      'RUN --mount=type=bind,source=data,target=/in echo waiting; until [ -e /in/go ]; do sleep 0.05; done\n',
      { 'data/file': 'one' },
    )
    const build = async () => {
      const { child, outcome } = start(['build', '--progress=plain', '-t', 'app', 'context'], { home })
      let said = ''
      child.stderr!.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        if (/\d waiting\n/.test(said)) writeFileSync(at('data/go'), '')
      })
      const { code, err } = await outcome
      rmSync(at('data/go'), { force: true })
      return { code, waited: /\d waiting\n/.test(err), noted: err.includes('changed while they were mounted') }
    }
    for (let i = 0; i < 2; i++) expect(await build()).toEqual({ code: 0, waited: true, noted: true })
  })
})
