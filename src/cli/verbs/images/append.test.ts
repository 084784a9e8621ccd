import { expect, test } from 'vitest'
import { openQuickBench } from '../../../../test/kit/call-tare.ts'
import { writeFiles } from '../../../../test/kit/cli.ts'
import { tinyTar } from '../../../../test/kit/tiny-image.ts'

const tar = tinyTar('f', 'f')

test('as with crane, what is added to nothing is an image of its own', async () => {
  const { tare, folder } = openQuickBench()
  const path = `${writeFiles(folder, { 'l.tar': tar })}/l.tar`
  const made = [
    ['append', '-f', path, '-t', 'a'],
    ['append', '-b', 'scratch', '-f', path, '-t', 'b'],
    ['append', 'scratch', path, '-t', 'c'],
  ].map((line) => tare(['image', ...line], { env: { SOURCE_DATE_EPOCH: '1' } }))
  const ids = (await Promise.all(made)).map(({ code, out }) => ({ code, out }))
  expect(ids[0]).toEqual({ code: 0, out: expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/) })
  expect(ids).toEqual([ids[0], ids[0], ids[0]])
  expect((await tare(['image', 'append', path])).code).toBe(1)
})

test('standard input is one layer, not two', async () => {
  const { tare } = openQuickBench()
  const lines = [
    ['append', 'scratch', '-', '-', '-t', 'a'],
    ['append', 'scratch', '-f', '-', '-', '-t', 'a'],
    ['mutate', 'scratch', '--append', '-', '--append', '-', '-t', 'a'],
  ]
  for (const line of lines) {
    const { code, err } = await tare(['image', ...line], { input: tar })
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringContaining('standard input can be one layer only'),
    })
  }
  expect((await tare(['image', 'append', 'scratch', '-', '-t', 'a'], { input: tar })).code).toBe(0)
})

test('--output writes an archive that is loaded under the name of --tag, and nothing else', async () => {
  const { tare, folder, succeed } = openQuickBench()
  const path = `${writeFiles(folder, { 'l.tar': tar })}/l.tar`
  await succeed(['image', 'append', 'scratch', path, '-t', 'base'])
  const before = await succeed(['image', 'ls', '-q'])
  expect(await succeed(['image', 'append', '-b', 'base', '-f', path, '-t', 'app:2', '-o', 'a.tar'])).toBe('a.tar\n')
  expect(await succeed(['image', 'mutate', 'base', '-u', 'me', '-o', 'm.tar'])).toBe('m.tar\n')
  expect(await succeed(['image', 'ls', '-q'])).toBe(before)
  expect(await succeed(['load', '-i', 'a.tar'])).toContain('Loaded image: app:2')
  expect(await succeed(['load', '-i', 'm.tar'])).toContain('Loaded image ID: sha256:')
  const { code, err } = await tare(['image', 'append', 'base', path, '-o', 'none/a.tar'])
  expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('none') })
})
