import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { openQuickBench } from '../../../../test/kit/call-tare.ts'
import { startTare, temporaryFolder } from '../../../../test/kit/cli.ts'
import { dockerArchive, tarOf } from '../../../../test/kit/tiny-archive.ts'
import { tinyImage } from '../../../../test/kit/tiny-image.ts'

/** What a page in a file has to show. */
function answersIn(page: string) {
  const [, gzip] = /"gzip":"([^"]+)"/.exec(page)!
  return JSON.parse(gunzipSync(Buffer.from(gzip!, 'base64')).toString())
}

function tinyArchive(folder: string): string {
  const path = join(folder, 'app.tar')
  writeFileSync(path, tarOf(dockerArchive(tinyImage({ files: [['etc/motd', 'hello']] }))))
  return path
}

test('--html writes the page to a file, through a link, or to standard output', async () => {
  const bench = openQuickBench()
  const image = tinyArchive(bench.folder)
  const one = await bench.tare(['explore', '--html', 'page.html', image])
  expect(one).toMatchObject({ code: 0, out: '', err: '' })
  const page = readFileSync(join(bench.folder, 'page.html'), 'utf8')
  expect(page).toMatch(/^<!doctype html>.*"gzip":/s)
  expect(answersIn(page)['contents/a'].paths.name).toEqual(['', 'etc', 'motd'])
  symlinkSync('page.html', join(bench.folder, 'link.html'))
  const two = await bench.tare(['explore', '--html', 'link.html', image, image])
  expect(two.code).toBe(0)
  expect(answersIn(readFileSync(join(bench.folder, 'page.html'), 'utf8')).diff.equal).toBe(true)
  expect((await bench.tare(['explore', '--html', '-', image])).out).toBe(page)
})

test('what cannot be shown is an error, and leaves no file', async () => {
  const bench = openQuickBench()
  const image = tinyArchive(bench.folder)
  const missing = await bench.tare(['explore', '--html', 'page.html', './missing.tar'])
  expect(missing).toMatchObject({ code: 1, out: '', err: expect.stringContaining('missing.tar') })
  const second = await bench.tare(['explore', '--no-open', image, './missing.tar'])
  expect(second).toMatchObject({ code: 1, out: '' })
  mkdirSync(join(bench.folder, 'folder'))
  for (const path of ['nowhere/page.html', 'folder'])
    expect(await bench.tare(['explore', '--html', path, image])).toMatchObject({
      ...{ code: 1, out: '' },
      err: expect.stringContaining(`cannot write "${path}"`),
    })
  expect(readdirSync(bench.folder).filter((name) => name.includes('page') || name.includes('part'))).toEqual([])
  expect(existsSync(join(bench.folder, 'nowhere'))).toBe(false)
})

test('flags that contradict one another are wrong', async () => {
  const bench = openQuickBench()
  for (const flags of [
    ['--port', '0'],
    ['--port', '65536'],
    ['--html', 'x', '--port', '80'],
    ['--html', 'x', '--no-open'],
  ])
    expect(await bench.tare(['explore', ...flags, 'x']), flags.join(' ')).toMatchObject({ code: 125, out: '' })
})

test('the page is served until Ctrl-C, and a port that is in use is told', async () => {
  const folder = temporaryFolder()
  const image = tinyArchive(folder)
  const home = join(folder, 'home')
  const { child, outcome } = startTare(['explore', '--no-open', image], { home })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const [chunk] = (await once(child.stdout!, 'data')) as [Buffer]
  const address = chunk.toString().trim()
  expect(await (await fetch(address)).text()).toContain('<!doctype html>')
  const { port } = new URL(address)
  const other = await startTare(['explore', '--no-open', '--port', port, image], { home }).outcome
  expect(other).toMatchObject({ code: 1, out: '', err: expect.stringContaining(`port ${port} of 127.0.0.1 is in use`) })
  child.kill('SIGINT')
  expect(await outcome).toMatchObject({ code: 0, signal: undefined })
  await expect(fetch(address)).rejects.toThrow()
})
