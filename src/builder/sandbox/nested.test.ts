import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alpineStack, plainCommand, sandboxVariants } from '../../../test/kit/alpine-steps.ts'
import { fileNode, linkNode, treeOf } from '../../../test/kit/trees.ts'
import type { Tree } from '../../files/tree/index.ts'
import { chooseSandbox } from './choose-sandbox.ts'
import type { CacheMount, Command, SandboxMount, Stack } from './step/index.ts'

// Mounts inside a mount. Their places are created for the step in what is writable, and in files that only this step sees.

for (const { name, isolation, runtime, hindrance } of sandboxVariants()) {
  describe.skipIf(hindrance !== undefined)(`a mount inside another one in the sandbox ${name}`, () => {
    let home: string
    let stack: Stack

    beforeAll(() => {
      home = mkdtempSync(join(tmpdir(), 'tare-nested-'))
      stack = alpineStack(join(home, 'layer.tar'))
    })
    afterAll(() => rmSync(home, { recursive: true, force: true }))

    const run = async (
      script: string,
      mounts: readonly SandboxMount[],
      more: Partial<Command> = {},
      look?: (after: Tree) => void,
    ) => {
      let out = ''
      const sandbox = await chooseSandbox({ folder: home, isolation, runtime }).open()
      try {
        const outcome = await sandbox.run(
          stack,
          { ...plainCommand, argv: ['/bin/sh', '-c', script], mounts, ...more },
          { output: (_, text) => (out += text), signal: new AbortController().signal },
        )
        look?.(await outcome.after())
        await outcome.release()
        return { code: outcome.exitCode, out }
      } finally {
        await sandbox.close()
      }
    }
    const cache = (target: string, id: string, readonly = false): CacheMount => ({
      ...{ kind: 'cache', target, id, sharing: 'shared', readonly, mode: 0o755, uid: 0, gid: 0 },
    })
    const files = treeOf({
      f: 'x',
      'sub/there/': {},
      'sub/file': 'under',
      l: linkNode('sub'),
      out: linkNode('/etc'),
    }).root
    const holders: Readonly<Record<string, (readonly: boolean) => SandboxMount>> = {
      'files of a context': (readonly) => ({ kind: 'files', target: '/m', node: files, identity: () => 'f', readonly }),
      'a stage': (readonly) => ({ kind: 'stack', target: '/m', stack, path: '/etc', readonly }),
      'a cache': (readonly) => cache('/m', 'holder', readonly),
    }
    const nested: Readonly<Record<string, (target: string) => SandboxMount>> = {
      'a tmpfs': (target) => ({ kind: 'memory', target }),
      'a cache': (target) => cache(target, 'nested'),
      'a secret': (target) => ({
        ...{ kind: 'secret', target, bytes: Buffer.from('s'), mode: 0o400, uid: 0, gid: 0 },
      }),
      'a file': (target) => ({
        ...{ kind: 'files', target, node: fileNode('y'), identity: () => 'y', readonly: true },
      }),
    }

    describe.each(Object.entries(holders))('%s', (kind, holder) => {
      const list = async () => (await run('ls -lR /m', [holder(true)])).out

      const isStore = kind === 'a cache'

      test.each(Object.entries(nested))(
        isStore
          ? 'that is read-only has no place for %s, and gets none'
          : 'that is read-only gets a place for %s in this step only',
        async (_, inside) => {
          const before = await list()
          for (const [target, insecure] of [
            ['/m/new', false],
            ['/m/new/deep', true],
          ] as const) {
            const step = run(`test -e ${target}`, [holder(true), inside(target)], { insecure })
            if (!isStore) expect(await step).toEqual({ code: 0, out: '' })
            else
              await expect(step).rejects.toMatchObject({
                code: 'MOUNT_TARGET_INVALID',
                message: expect.stringContaining('/m is mounted read-only'),
              })
          }
          expect(await list()).toBe(before)
        },
      )

      test('that is writable gets places for this step', async () => {
        const { code } = await run('touch /m/new/deep/x && test -d /m/new', [
          holder(false),
          { kind: 'memory', target: '/m/new/deep' },
        ])
        expect(code).toBe(0)
      })
    })

    test('is mounted on what is there, in a folder of files that is read-only', async () => {
      const shown = holders['files of a context']!(true)
      const mounts = [shown, nested['a tmpfs']!('/m/sub/there'), nested['a file']!('/m/sub/file')]
      expect(await run('touch /m/sub/there/x && cat /m/sub/file; ls /m/sub/there', mounts)).toEqual({
        code: 0,
        out: 'yx\n',
      })
      expect((await run('cat /m/sub/file; ls /m/sub/there', [shown])).out).toBe('under')
    })

    test('is no place to start in, if it is missing in files that are read-only', async () => {
      const shown = holders['files of a context']!(true)
      for (const cwd of ['/m/new', '/m/sub/new/deep'])
        await expect(run('true', [shown], { cwd })).rejects.toMatchObject({
          code: 'MOUNT_TARGET_INVALID',
          message: `cannot start in ${cwd}: it does not exist, and /m is mounted read-only`,
        })
      expect(await run('pwd', [shown], { cwd: '/m/sub/there' })).toEqual({ code: 0, out: '/m/sub/there\n' })
    })

    test.each([
      ['a tmpfs', nested['a tmpfs']!('/m')],
      ['a cache', holders['a cache']!(false)],
      ['files of a context', holders['files of a context']!(false)],
    ])('has the working directory made in %s, and not in the filesystem', async (_, mount) => {
      for (const cwd of ['/m/start/deep', '/m/other']) {
        let after: Tree | undefined
        const look = (tree: Tree) => {
          after = tree
        }
        const ran = await run('pwd; touch x; stat -c %a .', [mount], { cwd }, look)
        expect(ran).toEqual({ code: 0, out: `${cwd}\n755\n` })
        expect(after?.find(cwd)).toBe(undefined)
      }
    })

    test('decides where a working directory is, not the links below it', async () => {
      expect(stack.tree().get('var/run')?.kind).toBe('symlink')
      const mounts = [nested['a tmpfs']!('/var')]
      expect(await run('pwd', mounts, { cwd: '/var/run' })).toEqual({ code: 0, out: '/var/run\n' })
    })

    test('behind a link, or as the working directory, leaves nothing in files that are read-only', async () => {
      const shown = holders['files of a context']!(true)
      const before = (await run('ls -lR /m', [shown])).out
      for (const target of ['/m/l/new', '/m/l/new/deep', '/m/out/new'])
        for (const inside of [nested['a tmpfs']!, nested['a file']!]) {
          await run('true', [shown, inside(target)]).catch(() => {})
          expect((await run('ls -lR /m', [shown])).out).toBe(before)
        }
      await run('true', [shown], { cwd: '/m/l/new' }).catch(() => {})
      expect((await run('ls -lR /m', [shown])).out).toBe(before)
    })
  })
}
