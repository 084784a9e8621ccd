import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { chooseIsolation, hindrancesOf } from './choose.ts'
import { examine } from './doctor.ts'
import { thisMachine } from './machine.ts'

const user = { flavour: 'user-1', root: false, userxattr: true, enter: () => [] }

test('an ordinary user cannot chroot, and is told what to do', () => {
  expect(hindrancesOf('chroot', user, tmpdir(), undefined)).toMatchObject([
    { what: 'chroot needs root', remedy: expect.stringContaining('user namespaces') },
  ])
  expect(() => chooseIsolation(user, tmpdir(), { isolation: 'chroot' })).toThrow(
    'this machine cannot execute RUN with --isolation=chroot: chroot needs root',
  )
})

test('without a runtime there is no oci sandbox', () => {
  expect(hindrancesOf('oci', thisMachine(), tmpdir(), undefined)).toContainEqual({
    what: 'there is no crun and no runc',
    remedy: 'Install one: apt-get install crun',
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
