import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sandboxVariants } from './kit/alpine-steps.ts'
import { openQuickBench } from './kit/call-tare.ts'
import { rootFilesystem } from './kit/root-filesystem.ts'

// What `tare build --verify` finds, and what it lets pass.

const usable = sandboxVariants().some(({ hindrance }) => hindrance === undefined)

async function verify(lines: string, env: Readonly<Record<string, string>> = {}) {
  const bench = openQuickBench({ 'rootfs.tgz': readFileSync(rootFilesystem!), a: 'a', 'd/x': 'x', 'd/y': 'y' })
  const outcome = await bench.tare(['build', '--verify', '-t', 'app', '-f', '-', bench.context], {
    input: `FROM scratch\nADD rootfs.tgz /\n${lines}\n`,
    env,
  })
  const images = await bench.succeed(['images', '-a', '-q'])
  return { ...outcome, images: images.trim().split('\n').filter(Boolean).length }
}

const epoch = { SOURCE_DATE_EPOCH: '1700000000' }

test('what is only copied is the same, with and without an epoch', async () => {
  const plain = await verify('COPY a /\nCOPY d /d\nWORKDIR /w')
  expect([plain.code, plain.err]).toEqual([
    0,
    expect.stringMatching(/Verified: built twice, with the same result, apart from \d+ times/),
  ])
  expect(plain.images).toBe(1)
  const fixed = await verify('COPY a /\nWORKDIR /w', epoch)
  expect([fixed.code, fixed.err]).toEqual([0, expect.stringMatching(/Verified: built twice, with the same result\.\n/)])
})

test.skipIf(!usable).each([
  ['the time', 'RUN date +%s > /found'],
  ['chance', 'RUN head -c 8 /dev/urandom > /found'],
  [
    'the order of a directory',
    'RUN mkdir /many && cd /many && touch a b c d e f g h i j k l m n o p && find . > /found',
  ],
])('%s in a RUN is found, with the step that did it, and nothing is named', async (_, line) => {
  const { code, out, err, images } = await verify(line)
  expect([code, images]).toEqual([1, 0])
  expect(out).toMatch(/content +\/?found/)
  expect(out).toContain(`Written by:\n /found: RUN /bin/sh -c ${line.slice('RUN '.length)} # buildkit`)
  expect(err).toContain('the second build has another result')
})

test('a context that can be read only once is refused', async () => {
  const bench = openQuickBench({})
  const { code, err } = await bench.tare(['build', '--verify', '-'], { input: 'FROM scratch\n' })
  expect([code, err]).toEqual([1, expect.stringContaining('--verify needs a context that can be read twice')])
})
