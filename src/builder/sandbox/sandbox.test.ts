import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alpineStack, plainCommand, sandboxVariants } from '../../../test/kit/alpine-steps.ts'
import { onDisk } from '../../../test/kit/on-disk.ts'
import { processesWith } from '../../../test/kit/processes.ts'
import { readWhole, sameContent } from '../../files/layer/index.ts'
import { compareTrees, type RegularFile, type Tree } from '../../files/tree/index.ts'
import { chooseSandbox } from './choose-sandbox.ts'
import type { Command, Outcome, SandboxMount, Stack } from './step/types.ts'

onDisk()

for (const { name, isolation, runtime, hindrance } of sandboxVariants()) {
  describe.skipIf(hindrance !== undefined)(`the sandbox ${name}`, () => {
    let home: string
    let stack: Stack

    beforeAll(() => {
      home = mkdtempSync(join(tmpdir(), 'tare-sandbox-'))
      stack = alpineStack(join(home, 'layer.tar'))
    })
    afterAll(() => rmSync(home, { recursive: true, force: true }))

    const run = async (script: string, more: Partial<Command> = {}, on = stack) => {
      let out = ''
      const sandbox = await chooseSandbox({ folder: home, isolation, runtime }).open()
      const command: Command = { ...plainCommand, argv: ['/bin/sh', '-c', script], ...more }
      const outcome = await sandbox.run(on, command, {
        output: (_, text) => (out += text),
        signal: new AbortController().signal,
      })
      try {
        return {
          code: outcome.exitCode,
          out,
          after: await taken(outcome),
          texts: textsOf(await taken(outcome), 'd/e/f'),
          changes: await changesOf(outcome, on),
        }
      } finally {
        await outcome.release()
      }
    }

    test('the tree has what a command created, changed and removed, and nothing else', async () => {
      const { code, changes, after, texts } = await run(
        'mkdir -p /d/e && echo hi > /d/e/f && ln /d/e/f /d/hard && ln -s f /d/sym && chmod 4755 /d/hard && chown 7:8 /d && rm /etc/motd && rm -rf /etc/apk && mkdir /etc/apk && echo x > /etc/apk/new && mkfifo /d/pipe && rm -rf /srv && touch -d "2001-02-03 04:05:06" /etc/hostname',
      )
      expect(code).toBe(0)
      expect(changes).toEqual([
        'd',
        'd/e',
        'd/e/f',
        'd/hard',
        'd/pipe',
        'd/sym',
        'etc',
        'etc/apk',
        '-etc/apk/arch',
        '-etc/apk/keys',
        'etc/apk/new',
        '-etc/apk/protected_paths.d',
        '-etc/apk/repositories',
        '-etc/apk/world',
        'etc/hostname',
        '-etc/motd',
        '-srv',
      ])
      expect(after.get('d')).toMatchObject({ uid: 7, gid: 8 })
      expect(after.get('d/hard')).toBe(after.get('d/e/f'))
      expect(after.get('d/hard')).toMatchObject({ kind: 'file', mode: 0o4755 })
      expect(after.get('d/sym')).toMatchObject({ kind: 'symlink', target: 'f' })
      expect(after.get('d/pipe')).toMatchObject({ kind: 'fifo' })
      expect(after.get('etc/hostname')).toMatchObject({ mtime: 981173106 })
      expect(texts).toBe('hi\n')
    })

    test('a command that changes nothing leaves no trace: no resolv.conf, no hosts, no mount points', async () => {
      const { changes, out } = await run(
        'cat /etc/hosts; test -s /etc/resolv.conf; echo x > /dev/null; echo scrap > /dev/scrap',
      )
      expect(out).toContain('localhost')
      expect(changes).toEqual([])
    })

    test('exit code and output are those of the command', async () => {
      expect(await run('echo out; echo err >&2; exit 7')).toMatchObject({
        code: 7,
        out: expect.stringMatching(/out\n[\s\S]*err\n|err\n[\s\S]*out\n/),
      })
      expect((await run(`sh -c 'kill -9 $$'; exit $?`)).code).toBe(137)
    })

    test('USER, WORKDIR and HOME behave as in Docker', async () => {
      const { out } = await run('id -u; id -G; pwd; echo "$HOME $A"', {
        user: 'mail',
        cwd: '/var/log/',
        env: [...plainCommand.env, 'A=two words'],
      })
      expect(out).toBe('8\n12\n/var/log\n/var/mail two words\n')
      expect((await run('id -G; pwd')).out).toBe('0 1 2 3 4 6 10 11 20 26 27\n/\n')
    })

    test('variables for the dynamic linker affect the command and not our tools', async () => {
      const { out } = await run('echo "$LD_PRELOAD $LD_LIBRARY_PATH"; pwd', {
        env: [...plainCommand.env, 'LD_PRELOAD=', 'LD_LIBRARY_PATH=/no where'],
        cwd: '/usr',
      })
      expect(out).toBe(' /no where\n/usr\n')
    })

    test('background processes end with the command', async () => {
      // Of this process, as others run the same test.
      const seconds = `${process.pid}.97`
      expect((await run(`sleep ${seconds} & sleep ${seconds} & echo started`)).out).toBe('started\n')
      await expect.poll(() => processesWith(`sleep ${seconds}`)).toEqual([])
    })

    test('secrets, caches, tmpfs and other filesystems are mounted, and not part of the tree', async () => {
      const file: RegularFile = {
        kind: 'file',
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 0,
        mtimeNs: 0,
        size: 6,
        content: { kind: 'inline', bytes: Buffer.from('bound\n') },
      }
      const mounts: SandboxMount[] = [
        { kind: 'secret', target: '/run/secrets/key', bytes: Buffer.from('s3cret'), mode: 0o400, uid: 0, gid: 0 },
        {
          kind: 'cache',
          target: '/cache/here',
          id: 'test',
          sharing: 'locked',
          readonly: false,
          mode: 0o755,
          uid: 0,
          gid: 0,
        },
        { kind: 'memory', target: '/tmp/memory' },
        { kind: 'files', target: '/mnt/file', node: file, identity: () => 'a file', readonly: true },
        { kind: 'stack', target: '/mnt/etc', stack, path: '/etc', readonly: false },
      ]
      const script =
        'cat /run/secrets/key; stat -c " %a" /run/secrets/key; echo again >> /cache/here/f; wc -l < /cache/here/f; echo x > /tmp/memory/x; cat /mnt/file; echo y > /mnt/etc/y; head -n1 /mnt/etc/passwd'
      const first = await run(script, { mounts })
      expect(first.out).toBe('s3cret 400\n1\nbound\nroot:x:0:0:root:/root:/bin/ash\n')
      expect(first.changes).toEqual([])
      expect((await run(script, { mounts })).out).toContain('\n2\n')
      expect(existsSync(join(home, 'steps')) ? filesBelow(join(home, 'steps')) : []).toEqual([])
    })

    test('of a file that is nearly all holes only the rest is read', async () => {
      const { after } = await run(
        'cd /var; truncate -s 300G lastlog; echo end >> lastlog; printf mid | dd of=lastlog bs=1M seek=1000 conv=notrunc 2>/dev/null; ln lastlog other; truncate -s 1G zeros',
      )
      const [file, zeros] = ['var/lastlog', 'var/zeros'].map((path) => after.get(path)) as [RegularFile, RegularFile]
      expect(after.get('var/other')).toBe(file)
      expect([file.size, zeros.size]).toEqual([300 * 2 ** 30 + 4, 2 ** 30])
      expect(zeros.content).toMatchObject({ kind: 'sparse', runs: [] })
      const { content } = file
      if (content.kind !== 'sparse') throw new Error(`it is ${content.kind}`)
      expect(content.runs.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(1 << 20)
      const ends = content.runs.map(({ position }) => Math.floor(position / 2 ** 20))
      expect(ends).toEqual([1000, 300 * 1024])
    })

    test('a command that deletes everything leaves an empty filesystem', async () => {
      const { after } = await run('rm -rf /* 2>/dev/null; exit 0')
      expect(
        [...after.root.children.keys()].filter(
          (name) => !['proc', 'sys', 'dev', 'etc', 'run', 'mnt', 'tmp'].includes(name),
        ),
      ).toEqual([])
    })

    test('a script runs with the interpreter in its first line', async () => {
      const scripts = [{ name: 'EOF', bytes: Buffer.from('#!/bin/cat\nhello\n') }]
      expect((await run('', { argv: ['/bin/sh', '-c', '/dev/pipes/EOF'], scripts })).out).toBe('#!/bin/cat\nhello\n')
    })

    test.skipIf(isolation === 'chroot')('without a network, only the loopback interface exists', async () => {
      expect(
        (await run('cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d " "', { network: 'none' })).out
          .split('\n')
          .filter((line) => !/^(?:lo|tunl0|sit0|gre0|gretap0|erspan0|ip6?_?vti0|ip6tnl0|ip6gre0|)$/.test(line)),
      ).toEqual([])
    })

    test.skipIf(isolation === 'chroot')('a step cannot mount, create devices or change kernel settings', async () => {
      const { out } = await run(
        'exec 2>&1; hostname; mount -t tmpfs x /mnt; mknod /sda b 8 0; echo 1 > /proc/sys/kernel/panic; wc -c < /proc/timer_list',
      )
      expect(out).toContain('buildkitsandbox\n')
      expect(out).toMatch(/permission denied|not permitted/i)
      expect(out).toMatch(/Read-only file system|Permission denied/)
      expect(out).toMatch(/^0$/m)
    })

    test('a missing program is reported before anything runs', async () => {
      await expect(run('', { argv: ['frobnicate'] })).rejects.toMatchObject({ code: 'COMMAND_MISSING' })
      await expect(run('', { user: 'frob' })).rejects.toMatchObject({ code: 'USER_UNKNOWN' })
    })

    test('an aborted step ends at once', async () => {
      const stop = new AbortController()
      const sandbox = await chooseSandbox({ folder: home, isolation, runtime }).open()
      const running = sandbox.run(
        stack,
        { ...plainCommand, argv: ['/bin/sleep', '60'] },
        { output: () => {}, signal: stop.signal },
      )
      setTimeout(() => stop.abort(new Error('enough')), 300)
      await expect(running).rejects.toThrow('enough')
    })
  })
}

const trees = new WeakMap<Outcome, Tree>()

async function taken(outcome: Outcome): Promise<Tree> {
  const tree = trees.get(outcome) ?? (await outcome.after())
  trees.set(outcome, tree)
  return tree
}

/** Paths as a layer tells them, `-` before what is gone. */
async function changesOf(outcome: Outcome, on: Stack): Promise<string[]> {
  return compareTrees(on.tree().root, (await taken(outcome)).root, sameContent).flatMap(({ kind, path }) =>
    kind === 'touch' ? [] : [kind === 'remove' ? `-${path}` : path],
  )
}

function textsOf(tree: Tree, path: string): string | undefined {
  const file = tree.get(path)
  return file?.kind === 'file' ? readWhole(file, 1 << 20).toString() : undefined
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  )
}
