import {
  chmodSync,
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { alpineStack, plainCommand, sandboxVariants } from '../../../test/kit/alpine-steps.ts'
import { openDirectory } from '../../files/context/index.ts'
import type { Directory } from '../../files/tree/index.ts'
import { chooseSandbox } from './choose-sandbox.ts'
import type { Command, SandboxMount, Stack } from './step/index.ts'

// A context that steps are shown itself. Whether they were is told by the store, where there is no copy then.

for (const { name, isolation, runtime, hindrance } of sandboxVariants()) {
  describe.skipIf(hindrance !== undefined || isolation === 'chroot')(`a context itself in the sandbox ${name}`, () => {
    let home: string
    let context: string
    let stack: Stack

    beforeAll(() => {
      home = mkdtempSync(join(tmpdir(), 'tare-direct-'))
      stack = alpineStack(join(home, 'layer.tar'))
    })
    afterAll(() => rmSync(home, { recursive: true, force: true }))
    beforeEach(() => {
      context = mkdtempSync(join(home, 'context-'))
      mkdirSync(join(context, 'data/sub'), { recursive: true })
      chmodSync(join(context, 'data'), 0o755)
      writeFileSync(join(context, 'data/file'), 'as it was\n', { mode: 0o640 })
      writeFileSync(join(context, 'data/sub/program'), '#!/bin/sh\necho it ran\n', { mode: 0o755 })
      symlinkSync('sub/program', join(context, 'data/link'))
      for (const path of ['data/file', 'data/sub', 'data']) utimesSync(join(context, path), 1e9, 1.1e9 + 0.123456)
    })

    const nodeAt = (path: string) => {
      const { tree } = openDirectory(context, { name: '.' })
      return (path === '' ? tree.root : tree.get(path)) as Directory
    }
    const mounted = (more: Partial<SandboxMount> = {}, path = 'data'): SandboxMount => {
      const mount = { kind: 'files', target: '/in', node: nodeAt(path), identity: () => `${Math.random()}` } as const
      return { ...mount, readonly: true, ...more } as SandboxMount
    }
    const run = async (script: string, mount: SandboxMount, more: Partial<Command> = {}, during = () => {}) => {
      let out = ''
      const sandbox = await chooseSandbox({ folder: home, isolation, runtime }).open()
      const command: Command = { ...plainCommand, argv: ['/bin/sh', '-c', script], mounts: [mount], ...more }
      try {
        const outcome = await sandbox.run(stack, command, {
          output: (_, text) => {
            out += text
            if (text.includes('now')) during()
          },
          signal: new AbortController().signal,
        })
        const areFilesAsRead = await outcome.wereFilesAsRead()
        await outcome.release()
        await sandbox.close()
        return { out, areFilesAsRead, isCopied: wasCopied() }
      } finally {
        await sandbox.close()
      }
    }
    const wasCopied = () => {
      const is = existsSync(join(home, 'mounted'))
      rmSync(join(home, 'mounted'), { recursive: true, force: true })
      return is
    }
    const stats = () =>
      ['data', 'data/file', 'data/link', 'data/sub', 'data/sub/program'].map((path) => {
        const { mode, uid, size, atimeNs, mtimeNs, ctimeNs } = lstatSync(join(context, path), { bigint: true })
        return [path, mode, uid, size, atimeNs, mtimeNs, ctimeNs]
      })

    const look =
      'cd /in && find . -exec stat -c "%n %a %F %u:%g %Y" {} + | sort; stat -c %h file link; cat file; ./link; touch x 2>/dev/null; ls'

    test('looks like a copy, on a read-only mount and a writable one', async () => {
      const [itself, writable] = [await run(look, mounted()), await run(look, mounted({ readonly: false }))]
      expect([itself, writable]).toMatchObject([{ isCopied: false }, { isCopied: false }])
      expect(itself.out).toContain('./sub/program 755 regular file 0:0 1')
      expect(itself.out).toContain('it ran')
      // With all capabilities a step gets a copy.
      const copy = await run(look, mounted({ readonly: false }), { insecure: true })
      expect(copy).toMatchObject({ isCopied: true, out: writable.out })
      expect(itself.out).toBe(copy.out.replace(/^x\n/m, ''))
    })

    test('its root has the mode of a copy', async () => {
      chmodSync(context, 0o711)
      const { out, isCopied } = await run('stat -c "%a %u" /in; cat /in/data/sub/program', mounted({}, ''), {
        user: 'nobody',
      })
      expect([out, isCopied]).toEqual(['755 0\n#!/bin/sh\necho it ran\n', false])
    })

    test('cannot be changed by a step, nor does it notice that it is read', async () => {
      const all = ['data', 'data/file', 'data/link', 'data/sub', 'data/sub/program']
      const spoil = [
        'cd /in; cat file sub/program > /dev/null; ls -lR > /dev/null',
        'mount -o remount,bind,rw /in; mount -o remount,rw /in; mount --bind / /in; umount /in',
        'echo spoilt > file; echo spoilt >> link; : > new; mkdir d; rm -rf file sub; mv file other; ln file hard',
        'chmod 777 . file sub; chown 1:1 . file; chown -h 1:1 link; touch . file sub; truncate -s 0 file; mknod n c 1 3',
        'exec 3< file; echo x > /proc/self/fd/3; chmod 777 /proc/self/fd/3; touch /dev/fd/3',
        'unshare -Urm sh -c "mount -o remount,bind,rw /in; echo x > /in/file"; ln /in/file /file; chattr +i file',
        'for p in /proc/[0-9]*; do echo x > $p/root/in/file; echo x > $p/cwd/file; done',
      ].join('; ')
      for (const user of ['', 'nobody'])
        for (const readonly of [true, false]) {
          const mount = mounted({ readonly })
          readAll(nodeOf(mount))
          // Whoever reads them next sets the time of access.
          for (const path of all) lutimesSync(join(context, path), 1e9, 1.1e9)
          const before = stats()
          const { isCopied } = await run(`${spoil}; true`, mount, { user })
          expect([user, readonly, isCopied, stats()]).toEqual([user, readonly, false, before])
        }
      expect(readFileSync(join(context, 'data/file'), 'utf8')).toBe('as it was\n')
      expect(readdirSync(join(context, 'data')).sort()).toEqual(['file', 'link', 'sub'])
    })

    test('has its times of access set by whoever else reads it', () => {
      lutimesSync(join(context, 'data/file'), 1e9, 1.1e9)
      readFileSync(join(context, 'data/file'))
      expect(lstatSync(join(context, 'data/file')).atimeMs).toBeGreaterThan(1e12)
    })

    test('is not given to a step that may mount', async () => {
      const before = stats()
      const spoil = 'mount -o remount,bind,rw /in; echo spoilt > /in/file; touch /in'
      const { isCopied } = await run(`cat /in/file; ${spoil}; true`, mounted(), { insecure: true })
      expect(isCopied).toBe(true)
      const times = (rows: typeof before) => rows.map(([path, , , size, , mtime, ctime]) => [path, size, mtime, ctime])
      expect(times(stats())).toEqual(times(before))
    })

    test('that changes while a step sees it is no longer what was read', async () => {
      const mount = mounted()
      const change = () => writeFileSync(join(context, 'data/sub/new'), '')
      const script = 'echo now; until [ -e /in/sub/new ]; do sleep 0.01; done'
      expect(await run(script, mount, {}, change)).toMatchObject({ areFilesAsRead: false })
      expect(await run('true', mounted())).toMatchObject({ areFilesAsRead: true })
    })
  })
}

function readAll({ children }: Directory): void {
  for (const child of children.values()) if (child.kind === 'directory') readAll(child)
}

function nodeOf(mount: SandboxMount): Directory {
  return (mount as Extract<SandboxMount, { kind: 'files' }>).node as Directory
}
