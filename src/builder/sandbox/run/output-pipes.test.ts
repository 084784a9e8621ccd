import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ownersIn, ProcessFiles } from '../../../disk/index.ts'
import { PipeStock } from './output-pipes.ts'

test('every step gets pipes that no other has had, and none is left over', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pipes-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const stock = new PipeStock(new ProcessFiles(join(folder, 'running'), ownersIn(join(folder, 'alive'))))
  const taken = await Promise.all(Array.from({ length: 20 }, () => stock.take()))
  const paths = taken.flatMap((pipes) => [pipes.path('stdout'), pipes.path('stderr')])
  expect(new Set(paths).size).toBe(40)
  for (const path of paths) {
    expect(lstatSync(path).isFIFO()).toBe(true)
    expect(lstatSync(path).mode & 0o777).toBe(0o666)
  }
  taken[0]!.close()
  expect(existsSync(paths[0]!)).toBe(false)
  expect(existsSync(paths[2]!)).toBe(true)
  for (const pipes of taken) pipes.close()
  stock.close()
  expect(readdirSync(join(folder, 'running'))).toEqual([])
})
