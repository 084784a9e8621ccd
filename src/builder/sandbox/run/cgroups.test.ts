import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alpineStack, plainCommand, sandboxVariants } from '../../../../test/kit/alpine-steps.ts'
import { chooseSandbox } from '../choose-sandbox.ts'
import type { Stack } from '../step/types.ts'
import { containerName } from './oci-script.ts'

const pids = '/sys/fs/cgroup/pids'
const ours = () => join(pids, /^\d+:pids:(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/none')

for (const { name, isolation, runtime, hindrance } of sandboxVariants().filter(
  ({ isolation }) => isolation === 'oci',
)) {
  describe.skipIf(hindrance !== undefined)(`the cgroups of ${name}`, () => {
    let home: string
    let stack: Stack

    beforeAll(() => {
      home = mkdtempSync(join(tmpdir(), 'tare-cgroups-'))
      stack = alpineStack(join(home, 'layer.tar'))
    })
    afterAll(() => rmSync(home, { recursive: true, force: true }))

    const meeting = { kind: 'cache', id: 'meeting', target: '/meeting', sharing: 'shared' } as const
    const mounts = [{ ...meeting, readonly: false, mode: 0o755, uid: 0, gid: 0 }]
    /** The script of two steps, of which neither goes on before both are there. */
    const meet = (me: string) => `touch /meeting/${me}; until [ $(ls /meeting | wc -l) = 2 ]; do sleep 0.05; done`

    const start = async (script: string) => {
      let out = ''
      const sandbox = await chooseSandbox({ folder: home, isolation, runtime }).open()
      const outcome = await sandbox.run(
        stack,
        { ...plainCommand, argv: ['/bin/sh', '-c', script], mounts },
        { output: (_, text) => (out += text), signal: new AbortController().signal },
      )
      const { exitCode } = outcome
      await outcome.release()
      return { exitCode, out }
    }

    test('steps at the same time share none, because the runtime rejects one that is in use', async () => {
      const [one, other] = await Promise.all(['one', 'other'].map((me) => start(`cat /proc/self/cgroup; ${meet(me)}`)))
      expect([one!.exitCode, other!.exitCode]).toEqual([0, 0])
      const named = (out: string) => /\/(tare-[\w-]+)$/m.exec(out)?.[1]
      if (named(one!.out) !== undefined) expect(named(one!.out)).not.toBe(named(other!.out))
      else expect(one!.out).toBe(other!.out)
    })

    test.skipIf(!existsSync(ours()))('those of a step that was killed are removed by the next', async (context) => {
      const running = join(home, 'running', readdirSync(join(home, 'running'))[0]!)
      const dead = join(running, `${'0'.repeat(8)}-1-1-dead`)
      const cgroup = join(ours(), containerName(dead))
      try {
        mkdirSync(cgroup)
      } catch {
        return context.skip('cgroups cannot be created here')
      }
      mkdirSync(dead)
      await start('true')
      expect(existsSync(cgroup)).toBe(false)
    })
  })
}
