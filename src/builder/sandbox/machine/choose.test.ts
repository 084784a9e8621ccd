import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { chooseIsolation, hindrancesOf } from './choose.ts'
import { examine } from './doctor.ts'
import { thisMachine } from './machine.ts'

const user = {
  ...{ owner: 'user-1', root: false, nested: true, oneId: false, userxattr: true, procIsCovered: false },
  enter: () => [],
  hold: async () => {},
  held: undefined,
  letGo: () => {},
}

test('an ordinary user cannot chroot, and is told what to do', () => {
  expect(hindrancesOf('chroot', user, tmpdir(), undefined)).toMatchObject([
    { what: 'chroot needs root', remedy: expect.stringContaining('user namespaces') },
  ])
  expect(() => chooseIsolation(user, tmpdir(), { isolation: 'chroot' })).toThrow(
    'RUN does not work on this machine with --isolation=chroot: chroot needs root',
  )
})

test('without a runtime there is no oci sandbox', () => {
  expect(hindrancesOf('oci', thisMachine(), tmpdir(), undefined)).toContainEqual({
    what: 'neither crun nor runc is installed',
    remedy: 'Install one: apt-get install crun',
  })
})

test('programs of BusyBox are told from those that can do it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tare-busybox-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'busybox'), '#!/bin/sh\n', { mode: 0o755 })
  for (const name of ['tar', 'setpriv']) symlinkSync('busybox', join(folder, name))
  const path = process.env['PATH']
  process.env['PATH'] = `${folder}:${path}`
  onTestFinished(() => {
    process.env['PATH'] = path
  })
  for (const [name, remedy] of [
    ['tar', 'apk add tar'],
    ['setpriv', 'apk add util-linux'],
  ])
    expect(hindrancesOf('namespace', thisMachine(), tmpdir(), undefined)).toContainEqual({
      what: `the ${name} here is BusyBox’s, which lacks required features`,
      remedy: expect.stringContaining(remedy!),
    })
})

test('what the doctor says works is what is chosen', async () => {
  const { sandboxes, chosen } = await examine(tmpdir())
  expect(sandboxes.map(({ isolation }) => isolation)).toEqual(['oci', 'namespace', 'chroot'])
  for (const { works, hindrances } of sandboxes) {
    expect(works).toBe(hindrances.length === 0)
    for (const { what, remedy } of hindrances) expect([what, remedy]).not.toContain('')
  }
  if (chosen !== undefined) expect(chooseIsolation(thisMachine(), tmpdir(), {}).isolation).toBe(chosen)
})
