import { type StdioOptions, spawnSync } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alpineStack, plainCommand, sandboxVariants } from '../../../test/kit/alpine-steps.ts'
import { program } from '../../../test/kit/cli.ts'
import { rootFilesystem } from '../../../test/kit/root-filesystem.ts'
import { runs } from '../../../test/kit/scale.ts'
import { packLayer, sameContent } from '../../files/layer/index.ts'
import {
  compareTrees,
  type Directory,
  type Node,
  type RegularFile,
  type Symlink,
  Tree,
} from '../../files/tree/index.ts'
import { chooseSandbox } from './choose-sandbox.ts'
import type { CacheMount, Command, SandboxMount, Stack } from './step/index.ts'

const isRoot = process.geteuid?.() === 0
let others = 0

function filesAt(target: string, node: Node, readonly: boolean): SandboxMount {
  const name = String(others++)
  return { kind: 'files', target, node, identity: () => name, readonly }
}

const metadata = { mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 }

for (const { name, isolation, runtime, hindrance } of sandboxVariants()) {
  describe.skipIf(hindrance !== undefined)(`the boundaries of the sandbox ${name}`, () => {
    let home: string
    let host: string
    let stack: Stack
    const bare = isolation === 'chroot'

    beforeAll(() => {
      home = mkdtempSync(join(tmpdir(), 'tare-walls-'))
      host = join(home, 'host')
      mkdirSync(host)
      stack = alpineStack(join(home, 'layer.tar'))
    })
    afterAll(() => rmSync(home, { recursive: true, force: true }))

    const run = async (script: string, more: Partial<Command> = {}) => {
      let out = ''
      const sandbox = await chooseSandbox({ folder: home, isolation, runtime }).open()
      const command: Command = { ...plainCommand, argv: ['/bin/sh', '-c', script], ...more }
      try {
        const outcome = await sandbox.run(stack, command, {
          output: (_, text) => (out += text),
          signal: new AbortController().signal,
        })
        await outcome.release()
        return { code: outcome.exitCode, out }
      } finally {
        await sandbox.close()
      }
    }
    const cache = (target: string, id = target): CacheMount => ({
      ...{ kind: 'cache', target, id, sharing: 'shared', readonly: false, mode: 0o755, uid: 0, gid: 0 },
    })
    const untouched = () => expect(readdirSync(host)).toEqual(['data'])

    for (const [kind, nested] of [
      ['memory', (target: string) => ({ kind: 'memory', target })],
      [
        'a secret',
        (target: string) => ({ kind: 'secret', target, bytes: Buffer.from('s'), mode: 0o400, uid: 0, gid: 0 }),
      ],
      ['a cache', (target: string) => cache(target, 'nested')],
      ['files', (target: string) => filesAt(target, folder({ f: file('x') }), true)],
      ['a file', (target: string) => filesAt(target, file('x'), true)],
    ] as [string, (target: string) => SandboxMount][]) {
      test(`${kind} below a symbolic link in another mount is not mounted on the machine`, async () => {
        writeFileSync(join(host, 'data'), 'precious')
        const linked: SandboxMount = filesAt('/m', folder({ out: link(host) }), false)
        for (const target of ['/m/out/made', '/m/out/data', '/m/out']) {
          const outcome = await run('ls /m', { mounts: [linked, nested(target)] }).catch((error) => error)
          untouched()
          expect(readFileSync(join(host, 'data'), 'utf8')).toBe('precious')
          // Where nothing is mounted, the link itself makes room for what takes its place.
          if (isolation !== 'oci' && !(bare && target === '/m/out'))
            expect(outcome).toMatchObject({ code: 'MOUNT_TARGET_INVALID' })
        }
      })

      test(`${kind} in a directory of another mount is mounted`, async () => {
        const holder: SandboxMount = filesAt('/m', folder({ sub: folder({}) }), false)
        const { code, out } = await run('ls -d /m/sub/deep/x', { mounts: [nested('/m/sub/deep/x'), holder] })
        expect([code, out]).toEqual([0, '/m/sub/deep/x\n'])
      })

      test(`${kind} cannot be mounted in /proc`, async () => {
        for (const target of ['/proc', '/proc/1/root/made', '/usr/../proc/sys'])
          await expect(run('true', { mounts: [nested(target)] })).rejects.toMatchObject({
            code: 'MOUNT_TARGET_INVALID',
          })
      })
    }

    test('a cache in which another step swaps a directory and a link does not lead outside', async () => {
      writeFileSync(join(host, 'data'), 'precious')
      const swap = `cd /c; n=0; while [ $n -lt ${runs(400)} ]; do rm -rf x; mkdir x; rm -rf x; ln -s ${host} x; n=$((n+1)); done`
      const swapping = run(swap, { mounts: [cache('/c', 'swapped')] })
      let done = false
      void swapping.finally(() => {
        done = true
      })
      while (!done) {
        for (const mounts of [
          [cache('/c', 'swapped'), { kind: 'memory', target: '/c/x/made' }],
          [cache('/c', 'swapped'), filesAt('/c/x/made', file('x'), true)],
        ] as SandboxMount[][])
          await run('true', { mounts }).catch(() => {})
        untouched()
      }
      await swapping
    })

    test('no step can change files that a later build reuses', async () => {
      const given = filesAt('/given', folder({ f: file('as it was') }), true)
      const given2 = { ...given, target: '/given/', readonly: false } as SandboxMount
      const spoil =
        'mount -o remount,bind,rw /given 2>/dev/null; echo spoilt > /given/f; rm -f /given/f; touch /given/new; chmod 700 /given; true'
      for (const more of [{ mounts: [given] }, { mounts: [given2] }, { mounts: [given], insecure: true }]) {
        await run(spoil, more)
        expect((await run('cat /given/f; ls /given; stat -c %a /given', { mounts: [given] })).out).toBe(
          'as it wasf\n755\n',
        )
      }
      if (!bare) expect(readdirSync(join(home, 'mounted'))).toHaveLength(1)
      const layers: SandboxMount = { kind: 'stack', target: '/given', stack, path: '/etc', readonly: true }
      await run('mount -o remount,bind,rw /given 2>/dev/null; echo spoilt > /given/motd', {
        ...{ mounts: [layers], insecure: true },
      })
      expect((await run('cat /given/motd', { mounts: [layers] })).out).not.toContain('spoilt')
    })

    test.skipIf(bare || !isRoot)('devices in the image cannot be opened, with a read-only root either', async () => {
      for (const readonlyRoot of [false, true]) {
        const { out } = await run('grep " / / " /proc/self/mountinfo | cut -d " " -f 6', { readonlyRoot })
        expect(out.trim().split(',')).toEqual(expect.arrayContaining([readonlyRoot ? 'ro' : 'rw', 'nodev']))
      }
    })

    test('descriptors inherited by tare are closed before the command', async () => {
      const context = join(home, `context-${name}`)
      mkdirSync(context)
      copyFileSync(rootFilesystem!, join(context, 'a.tgz'))
      const script = 'for n in $(seq 3 110); do cat /dev/fd/$n; done 2>/dev/null; cat <&7 2>/dev/null; true'
      writeFileSync(join(context, 'Dockerfile'), `FROM scratch\nADD a.tgz /\nRUN ${script}\nRUN echo the step ran\n`)
      writeFileSync(join(home, 'open'), 'of the machine')
      const fd = openSync(join(home, 'open'), 'r')
      const stdio = Array.from({ length: 101 }, (_, n) => (n < 3 ? 'pipe' : n === 7 || n === 100 ? fd : 'ignore'))
      const argv = [program, 'build', '--no-cache', '--progress=plain', `--isolation=${isolation}`, context]
      const env = { ...process.env, TARE_HOME: join(home, 'store'), TARE_RUNTIME: runtime ?? '' }
      const { stderr } = spawnSync(process.execPath, argv, { stdio: stdio as StdioOptions, env, encoding: 'utf8' })
      closeSync(fd)
      expect(stderr).toContain('the step ran')
      expect(stderr).not.toContain('of the machine')
    })

    test('variables of any name reach the command, which is executed without a shell of the image', async () => {
      const env = [
        ...plainCommand.env,
        'a.b=1',
        'my-var=two words',
        'IFS=:',
        'OLDPWD=/before',
        'LD_LIBRARY_PATH=/opt/lib',
      ]
      for (const [user, cwd] of [
        ['', '/var/log'],
        ['1000', '/'],
        ['mail:12', '/var/log'],
      ] as const) {
        const { out } = await run('', { argv: ['/usr/bin/env'], env, user, cwd })
        expect(out.split('\n')).toEqual(expect.arrayContaining(env))
        expect((await run('', { argv: ['/bin/pwd'], env, user, cwd })).out).toBe(`${cwd}\n`)
      }
    })

    test('a user other than root can reopen the standard streams by name', async () => {
      for (const user of ['', '1000']) {
        const { out } = await run(
          'echo one > /dev/stdout; echo two >> /dev/stderr; echo three | tee /dev/fd/2 > /dev/null; echo four > /proc/self/fd/1; test -p /dev/stdout && echo pipe',
          { user },
        )
        expect(out.split('\n').sort()).toEqual(['', 'four', 'one', 'pipe', 'three', 'two'])
      }
    })

    test('the umask of the user has no effect', async () => {
      const old = process.umask(0o077)
      try {
        const modes = 'stat -c %a / /etc/hosts /etc/resolv.conf /dev /dev/shm; umask; cat /etc/hosts > /dev/null'
        expect((await run(modes, { user: '1000' })).out).toBe('755\n644\n644\n755\n1777\n0022\n')
      } finally {
        process.umask(old)
      }
    })

    test.skipIf(bare)('devices cannot be opened on any mount, and mknod works as root', async () => {
      const mounts: SandboxMount[] = [
        cache('/cache'),
        { kind: 'memory', target: '/memory' },
        filesAt('/files', folder({}), false),
        { kind: 'stack', target: '/stack', stack, path: '/', readonly: false },
        { kind: 'memory', target: '/files/memory' },
        cache('/files/cache', 'deep'),
      ]
      const places = [
        '/tmp',
        '/dev',
        '/dev/shm',
        '/cache',
        '/memory',
        '/files',
        '/stack',
        '/files/memory',
        '/files/cache',
      ]
      const { out } = await run(
        `for d in ${places.join(' ')}; do mknod $d/n c 1 3 && echo "made $d"; echo x 2>/dev/null > $d/n && [ -c $d/n ] && echo "opened $d"; done; echo x > /dev/null && echo usual`,
        { mounts },
      )
      expect(out).not.toContain('opened')
      expect(out).toContain('usual')
      if (isRoot) expect(out.match(/^made/gm)).toHaveLength(places.length)
    })

    test('created system directories stay in the layer, as with Docker, and other mount points do not', async () => {
      // A static busybox has no loader.
      const tools = ['bin/busybox', 'lib/ld-musl-x86_64.so.1'].filter((path) => stack.tree().get(path) !== undefined)
      const bare = new Tree(
        folder(
          Object.fromEntries(
            tools.map((path) => [path.split('/')[0]!, folder({ [path.split('/')[1]!]: stack.tree().get(path)! })]),
          ),
        ),
      )
      const at = join(home, `bare-${name}.tar`)
      const differences = compareTrees(Tree.empty.root, bare.root, sameContent)
      const { index } = await packLayer(differences, { path: at, digests: () => false })
      const layer = { index, path: at, chain: `bare-${name}` }
      const sandbox = await chooseSandbox({ folder: home, isolation, runtime }).open()
      const mounts: SandboxMount[] = [{ kind: 'memory', target: '/a/b' }, cache('/c')]
      const outcome = await sandbox.run(
        { layers: [layer], tree: () => bare },
        { ...plainCommand, argv: ['/bin/busybox', 'true'], mounts },
        { output: () => {}, signal: new AbortController().signal },
      )
      const { root } = await outcome.after()
      await outcome.release()
      await sandbox.close()
      const own = tools.map((path) => path.split('/')[0]!)
      expect([...root.children.keys()].sort()).toEqual([...own, 'dev', 'proc', 'sys'].sort())
      for (const path of ['dev', 'proc', 'sys'])
        expect(root.children.get(path)).toMatchObject({
          kind: 'directory',
          mode: 0o755,
          uid: 0,
          gid: 0,
          children: new Map(),
        })
    })

    test('an argument that is too long for Linux is rejected with a remedy', async () => {
      await expect(run('#'.repeat(140_000))).rejects.toMatchObject({
        code: 'COMMAND_REFUSED',
        message: expect.stringContaining('131071'),
        remedy: expect.stringContaining('#!/bin/sh'),
      })
      expect((await run(`${'#'.repeat(131_000)}\necho ran`)).out).toBe('ran\n')
    })

    test.skipIf(bare)('the loopback interface is up without a network', async () => {
      expect((await run('cat /sys/class/net/lo/operstate /sys/class/net/lo/flags', { network: 'none' })).out).toMatch(
        /0x9$|0x49$/m,
      )
    })

    test('a tree deeper than PATH_MAX is removed completely', async () => {
      const deep =
        'd=$(printf %0100d 7); i=0; cd /tmp; while [ $i -lt 45 ]; do mkdir $d && cd -P ./$d || break; i=$((i+1)); done 2>/dev/null; echo $i'
      const { out } = await run(deep)
      expect(Number(out)).toBeGreaterThan(35)
      const running = join(home, 'running')
      expect(readdirSync(running).flatMap((owner) => readdirSync(join(running, owner)))).toEqual([])
    })
  })
}

function file(text: string): RegularFile {
  const bytes = Buffer.from(text)
  return { kind: 'file', ...metadata, mode: 0o644, size: bytes.length, content: { kind: 'inline', bytes } }
}

function folder(children: Readonly<Record<string, Node>>): Directory {
  return { kind: 'directory', ...metadata, children: new Map(Object.entries(children)) }
}

function link(target: string): Symlink {
  return { kind: 'symlink', ...metadata, target }
}
