import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { addingAlpine, openAlpine } from './kit/alpine.ts'
import { startBad } from './kit/bad-registry-client.ts'
import { faultsOf } from './kit/check-store.ts'
import { isRoot, openBench, ordinaryUser } from './kit/cli.ts'
import { canMount, hasProgram, mountOn, unlessMissing } from './kit/needs.ts'
import { processesWith } from './kit/processes.ts'
import { hasRootFilesystem, rootFilesystem } from './kit/root-filesystem.ts'
import { dialogue, filesWith, onClosingTerminal, onTerminal, type Way, waysToRun } from './kit/sandboxes.ts'

// RUN and `tare run` as people use them, over the real Alpine, by every sandbox that works here.

const ways = hasRootFilesystem ? waysToRun() : []
// Forms and texts, which do not depend on the sandbox, are tried with the first.
const first = ways[0]
// What depends on who runs, and on whether there are mounts, is tried with one for each.
const isSpecial = (way: Way) => ways.find(({ user, bare }) => user === way.user && bare === way.bare) === way
const hasZstd = hasProgram('zstd')
// Nobody else's, also where the same test runs beside this one.
const token = `correct-horse-${randomBytes(12).toString('hex')}`

/** Lets `waiting` commands go on, whose folder is a cache mount of the store. */
function letGo(home: string): void {
  const caches = join(home, 'tare/caches')
  for (const user of readdirSync(caches))
    for (const cache of readdirSync(join(caches, user))) writeFileSync(join(caches, user, cache, 'data/go'), '')
}

/** Resolves when the stream has said the text. */
async function saying(stream: NodeJS.ReadableStream, text: string): Promise<void> {
  let said = ''
  await new Promise<void>((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes(text)) resolve()
    })
    stream.once('close', () => reject(new Error(`it ended, and said: ${said}`)))
  })
}

test.skipIf(!hasRootFilesystem)('some sandbox works here', () => {
  expect(ways).not.toEqual([])
})

const alone = ['unshare', '--user', '--map-root-user', '--mount']
const canBeAlone = unlessMissing(
  spawnSync(alone[0]!, [...alone.slice(1), 'true']).status === 0,
  'no user namespace can be made here',
)

test.skipIf(!hasRootFilesystem || !canBeAlone)(
  'a root without any other ID runs as the only owner, and is told why',
  async () => {
    const bench = openBench({ Dockerfile: 'FROM scratch\nADD alpine.tgz /\nRUN id -u > /made && ls /dev/pts\n' })
    copyFileSync(rootFilesystem!, join(bench.context, 'alpine.tgz'))
    const { code, err } = await bench.tare(['build', '-t', 'app', 'context'], { wrapper: alone })
    expect([code, code === 0 ? '' : err]).toEqual([0, ''])
    expect(await bench.succeed(['image', 'cat', 'app', '/made'])).toBe('0\n')
    expect((await bench.tare(['doctor'], { wrapper: alone })).out).toContain('this user namespace has a single ID')
  },
)

describe.each(ways)('RUN: $name', (way) => {
  test('the umask of the user has no effect on images, and the store is closed to others', async () => {
    const modes = 'stat -c "%a %n" / /etc/hosts /dev /dev/shm'
    const { succeed, home, renew } = openAlpine(
      way,
      `FROM alpine\nRUN ${modes} > /modes\nUSER nobody\nWORKDIR /w/x\n` +
        `RUN --mount=type=cache,target=/cc <<EOF\nset -e\nstat -c "%a %n" / /w/x /cc /dev /etc/resolv.conf > /tmp/modes\nEOF\n`,
    )
    const seen = new Set<string>()
    // Of the build and of the command that follows.
    const all = [0, 0o022, 0o077].map((umask) => [umask, umask] as const)
    for (const [umask, later] of way === first ? all : [[0o077, 0] as const]) {
      await succeed(['build', '-q', '--no-cache', '-t', 'app', 'context'], { umask })
      seen.add(await succeed(['run', 'app', 'cat', '/modes', '/tmp/modes'], { umask: later }))
      expect(await succeed(['run', 'app', 'sh', '-c', modes], { umask: later })).toBe(
        '755 /\n644 /etc/hosts\n755 /dev\n1777 /dev/shm\n',
      )
      for (const path of ['tare', 'blobs', 'tare/running', 'tare/unpacked', 'tare/trees', 'tare/caches'].map((name) =>
        join(home, name),
      ))
        if (existsSync(path)) expect([umask, path, statSync(path).mode & 0o077]).toEqual([umask, path, 0])
      renew()
    }
    expect([...seen]).toEqual([
      '755 /\n644 /etc/hosts\n755 /dev\n1777 /dev/shm\n755 /\n755 /w/x\n755 /cc\n755 /dev\n644 /etc/resolv.conf\n',
    ])
  })

  test('a build with stages, users, scripts, hosts and limits makes an image that runs', async () => {
    const { succeed, tare, home } = openAlpine(
      way,
      'FROM alpine AS work\n' +
        'RUN echo me:x:1234:1234::/:/bin/sh >> /etc/passwd && mkdir /out && chown me /out\n' +
        'USER me\nWORKDIR /out\n' +
        'RUN <<EOF\nset -e\nid -un > who\ngrep -q "9.9.9.9.*far" /etc/hosts\nulimit -n > limit\nEOF\n' +
        'FROM alpine\nCOPY --from=work /out /out\nENTRYPOINT ["cat"]\nCMD ["/out/who", "/out/limit"]\n',
    )
    await succeed(['build', '-q', '-t', 'app', '--add-host', 'far:9.9.9.9', '--ulimit', 'nofile=77:88', 'context'])
    expect(await succeed(['run', 'app'])).toBe('me\n77\n')
    expect(await succeed(['run', '--entrypoint', '/bin/sh', 'app', '-c', 'stat -c "%u %a" /out/who'])).toBe(
      '1234 644\n',
    )
    const { err } = await tare(['build', '--progress=plain', '-t', 'app', '--add-host', 'far:9.9.9.9', 'context'])
    expect(err.match(/CACHED/g)?.length).toBeGreaterThanOrEqual(4)
    expect(await faultsOf(home)).toEqual([])
  })

  test('a command sees a secret, which is not stored anywhere', async () => {
    const { succeed, tare, home, folder } = openAlpine(
      way,
      'RUN --mount=type=secret,id=token cp /run/secrets/token /dev/shm/x && wc -c < /run/secrets/token > /size\n' +
        'RUN --mount=type=secret,id=token,env=TOKEN echo "it is $TOKEN, really"\n' +
        'CMD ["cat", "/size"]\n',
    )
    writeFileSync(join(folder, 'token'), `${token}\n`)
    const build = ['build', '--progress=rawjson', '-t', 'app', '--secret', 'id=token,src=token', 'context']
    const { code, out, err } = await tare(build)
    expect({ code, out }, err).toMatchObject({ code: 0 })
    expect(err).toContain('it is ***\\n, really')
    expect(err).not.toContain(token)
    expect(filesWith(home, token)).toEqual([])
    expect(await succeed(['run', 'app'])).toBe(`${token.length + 1}\n`)
  })

  test.skipIf(way.bare)(
    'what a command reads is a pipe that its user can reopen, and no file of ours whose owner it becomes',
    async () => {
      const { succeed, folder } = openAlpine(way, 'USER 1000\nCMD ["cat", "/dev/stdin"]\n')
      await succeed(['build', '-q', '-t', 'app', 'context'])
      expect(await succeed(['run', '-i', 'app'], { input: 'typed\n' })).toBe('typed\n')
      const large = Buffer.alloc(3 << 20, 'x')
      expect(await succeed(['run', '-i', '-u', '0', 'app', 'wc', '-c'], { input: large })).toBe(`${large.length}\n`)
      // A command that reads only a part does not wait for the rest.
      expect(await succeed(['run', '-i', 'app', 'head', '-c', '1'], { input: large })).toBe('x')
      const path = join(folder, 'kept')
      writeFileSync(path, 'of the machine\n')
      const { uid, gid } = statSync(path)
      const wrapper = [...(way.wrapper ?? []), 'sh', '-c', 'exec "$@" < kept', 'sh']
      chmodSync(path, 0o644)
      expect(await succeed(['run', '-i', 'app'], { wrapper })).toBe('of the machine\n')
      expect(statSync(path)).toMatchObject({ uid, gid })
    },
  )

  test('tare run sets arguments, environment, user and directory, mounts files, and discards what is written', async () => {
    const { succeed, folder, tare } = openAlpine(
      way,
      'ENV A=1 B=2\nUSER nobody\nCMD ["sh", "-c", "echo $A $B $(id -un)"]\n',
    )
    await succeed(['build', '-q', '-t', 'app', 'context'])
    expect(await succeed(['run', '--rm', 'app'])).toBe('1 2 nobody\n')
    const touch = 'echo x > /new && ls / | grep -c new'
    for (let i = 0; i < 2; i++)
      expect(await succeed(['run', '-u', '0', '-w', '/etc', 'app', 'sh', '-c', touch])).toBe('1\n')
    expect(await succeed(['run', '-i', 'app', 'cat'], { input: 'typed\n' })).toBe('typed\n')
    expect((await tare(['run', 'app', 'sh', '-c', 'head -c 3 /dev/zero'])).bytes).toEqual(Buffer.alloc(3))
    if (way === first) expect(await succeed(['run', 'app', 'cat'], { input: 'typed\n' })).toBe('')
    if (way.bare) return
    mkdirSync(join(folder, 'shown'))
    chmodSync(join(folder, 'shown'), 0o777)
    writeFileSync(join(folder, 'shown/in'), 'of the machine\n')
    await succeed(['run', '-u', '0', '-v', './shown:/shown', 'app', 'cp', '/shown/in', '/shown/out'])
    expect(readFileSync(join(folder, 'shown/out'), 'utf8')).toBe('of the machine\n')
    const confined = ['-u', '0', '-v', './shown:/shown:ro', '--network', 'none']
    const script = 'touch /shown/in 2>/dev/null; echo $?; ls /sys/class/net | grep -cv lo; true'
    expect(await succeed(['run', ...confined, 'app', 'sh', '-c', script])).toBe('1\n0\n')
  })

  test('tare run exits with the command’s exit code, or with an error if it cannot be run', async () => {
    const { tare } = openAlpine(way, '')
    const codes: unknown[] = []
    for (const argv of [['sh', '-c', 'exit 7'], ['/etc/passwd'], ['frob'], []]) {
      const { code, err } = await tare(['run', 'alpine', ...argv])
      codes.push([code, err.split('\n', 1)[0]])
    }
    expect(codes).toEqual([
      [7, ''],
      [126, 'Error: exec: "/etc/passwd": permission denied'],
      [127, 'Error: exec: "frob": executable file not found in $PATH'],
      [127, 'Error: no command specified: alpine has neither ENTRYPOINT nor CMD'],
    ])
    expect((await tare(['run', '-u', 'frob', 'alpine', 'true'])).code).toBe(125)
    if (way !== first) return
    expect((await tare(['run', '--pull=never', 'nope'])).code).toBe(125)
    expect((await tare(['run', '--frob', 'alpine'])).code).toBe(125)
  })

  test('tare run mounts tmpfs, files and directories, and can make the root filesystem read-only', async () => {
    const { succeed, tare, folder } = openAlpine(way, '')
    mkdirSync(join(folder, 'data'))
    writeFileSync(join(folder, 'data/file'), 'content\n')
    const script =
      'cat /in/file; for f in /in/x /tmp/x /etc/x /m/x /n/x /dev/shm/x; do touch $f 2>/dev/null && echo $f; done; exit 0'
    const mounts = ['--mount', 'type=bind,src=data,dst=/in,readonly', '--mount', 'type=tmpfs,dst=/m,tmpfs-size=1m']
    const argv = ['run', '--read-only', ...mounts, '--tmpfs', '/n:size=2m', 'alpine', 'sh', '-c', script]
    if (!way.bare) {
      expect(await succeed(argv)).toBe('content\n/m/x\n/n/x\n/dev/shm/x\n')
      expect(await succeed(['run', '--tmpfs', '/n:size=2m', 'alpine', 'sh', '-c', 'df -k /n | tail -n 1'])).toContain(
        ' 2048 ',
      )
      return
    }
    for (const flags of [['--read-only'], mounts.slice(0, 2)]) {
      const { code, err } = await tare(['run', ...flags, 'alpine', 'true'])
      expect({ code, said: /which the chroot sandbox/.test(err) }).toEqual({ code: 125, said: true })
    }
  })

  test('files of the context have their exact times in a mount, in this build and in the next', async () => {
    const { succeed, folder } = openAlpine(
      way,
      'RUN --mount=type=bind,source=data,target=/in cd /in && stat -c "%n %y" file sub sub/deep link none > /times\n' +
        'RUN --mount=type=bind,source=data/file,target=/one stat -c "%y" /one > /time\n' +
        'RUN --mount=type=bind,source=data,target=/in,rw cd /in && stat -c "%n %y" file sub > /rw-times\n',
      { 'data/file': 'x', 'data/sub/deep': 'y', 'data/none': '', 'data/link': 'z' },
    )
    const data = join(folder, 'context/data')
    rmSync(join(data, 'link'))
    symlinkSync('file', join(data, 'link'))
    const date = (name: string, time: string) => spawnSync('touch', ['-h', '-d', time, join(data, name)])
    const names = ['file', 'sub/deep', 'sub', 'link', 'none']
    for (const [i, name] of names.entries()) date(name, `2023-05-05 10:11:12.12345678${i} UTC`)
    for (const change of way === first ? ['98.000000001', '97.987654321', undefined] : ['98.000000001', undefined]) {
      const env = { ...process.env, TZ: 'UTC' }
      const argv = ['-c', 'cd "$1" && stat -c "%n %y" file sub sub/deep link none', 'sh', data]
      const times = spawnSync('sh', argv, { env, encoding: 'utf8' }).stdout
      const [one] = times.split('\n')
      const some = times.split('\n').slice(0, 2).join('\n')
      await succeed(['build', '-q', '-t', 'app', 'context'])
      const said = await succeed(['run', 'app', 'cat', '/times', '/time', '/rw-times'])
      expect(said).toBe(`${times}${one!.replace('file ', '')}\n${some}\n`)
      if (change === undefined) continue
      writeFileSync(join(data, 'sub/deep'), change)
      date('sub/deep', `@16000000${change}`)
    }
  })

  test('a signal is forwarded to the command, whose exit code is returned', async () => {
    const { start } = openAlpine(way, '')
    const { child, outcome } = start([
      'run',
      'alpine',
      'sh',
      '-c',
      'trap "echo heard; exit 9" TERM; echo up; while :; do sleep 0.05; done',
    ])
    await new Promise((resolve) => child.stdout!.once('data', resolve))
    child.kill('SIGTERM')
    expect(await outcome).toMatchObject({ code: 9, out: 'up\nheard\n' })
  })

  test('cache mounts are kept, listed, exported, imported and removed', async () => {
    const { succeed, tare, folder } = openAlpine(
      way,
      'ARG N\nRUN --mount=type=cache,target=/root/.cache --mount=type=cache,id=mine,target=/mine,uid=1000,mode=0700,sharing=locked ' +
        'echo a >> /root/.cache/log; touch /mine/f; chown 1000:1000 /mine/f; stat -c "%u %a" /mine > /facts; wc -l < /root/.cache/log >> /facts\n' +
        'CMD ["cat", "/facts"]\n',
    )
    let n = 0
    const build = () => succeed(['build', '-q', '-t', 'app', '--build-arg', `N=${n++}`, 'context'])
    const ids = async () => (await succeed(['cache', 'ls', '--format', '{{.ID}}'])).trim().split('\n').sort()
    await build()
    await build()
    expect(await succeed(['run', 'app'])).toBe('1000 700\n2\n')
    expect(await ids()).toEqual(['/root/.cache', 'mine'])
    const forms = ['a.tar.gz', 'b.tar', ...(hasZstd ? ['c.tar.zst'] : [])]
    for (const file of way === first ? forms : forms.slice(0, isSpecial(way) ? 1 : 0)) {
      expect(await succeed(['cache', 'export', '--mounts', file])).toBe('exported: /root/.cache\nexported: mine\n')
      await succeed(['builder', 'prune', '-f', '--filter', 'type=exec.cachemount'])
      expect(await ids()).toEqual([''])
      expect((await succeed(['cache', 'import', '--mounts', file])).split('\n').sort()).toEqual([
        '',
        'imported: /root/.cache',
        'imported: mine',
      ])
    }
    await build()
    expect(await succeed(['run', 'app'])).toBe('1000 700\n3\n')
    // As in BuildKit: they are emptied, in all their variants, if the cache is not to be used; those of other steps stay.
    await succeed(['build', '-q', '-t', 'app', '--no-cache-filter', 'another', 'context'])
    await build()
    expect(await succeed(['run', 'app'])).toBe('1000 700\n5\n')
    await succeed(['build', '-q', '-t', 'app', '--no-cache', 'context'])
    expect(await succeed(['run', 'app'])).toBe('1000 700\n1\n')
    if (way === first) {
      expect(await succeed(['cache', 'export', '--mounts', 'one.tar', '--id', 'mine'])).toBe('exported: mine\n')
      expect((await tare(['cache', 'export', '--mounts', 'one.tar', '--id', 'other'])).err).toContain(
        'there is no cache mount with the id "other"',
      )
      copyFileSync(rootFilesystem!, join(folder, 'other.tar.gz'))
      expect((await tare(['cache', 'import', '--mounts', 'other.tar.gz'])).err).toContain(
        'not an archive of cache mounts',
      )
    }
    const size = async () =>
      JSON.parse((await succeed(['system', 'df', '--format', 'json'])).trim().split('\n').at(-1)!).TotalCount
    expect(Number(await size())).toBeGreaterThanOrEqual(4)
    await succeed(['builder', 'prune', '-af'])
    expect([await ids(), await size()]).toEqual([[''], '0'])
  })
})

const oneOfEach = ['oci', 'namespace'].flatMap((name) =>
  ways.filter(({ env }) => env['TARE_ISOLATION'] === name).slice(-1),
)

// A command that says that it is there, and goes on when the test lets it.
const waiting = (folder: string) => `echo up && while [ ! -e ${folder}/go ]; do sleep 0.05; done`

test.skipIf(!hasRootFilesystem).each(oneOfEach)(
  'while a command has a secret, neither the store nor a command line contains it: $name',
  async (way) => {
    const { start, folder, home } = openAlpine(
      way,
      'RUN --mount=type=cache,target=/k --mount=type=secret,id=token --mount=type=secret,id=token,env=TOKEN ' +
        `test -n "$TOKEN" && ${waiting('/k')}\n`,
    )
    writeFileSync(join(folder, 'token'), token)
    const { child, outcome } = start(['build', '--progress=rawjson', '--secret', 'id=token,src=token', 'context'])
    await saying(child.stderr!, '"up\\n"')
    expect(filesWith(home, token)).toEqual([])
    expect(processesWith(token)).toEqual([])
    letGo(home)
    expect((await outcome).code).toBe(0)
  },
)

describe.each(ways.slice(0, 1))('tare run: $name', (way) => {
  test('a missing image is pulled once, for the requested platform', async () => {
    const registry = await startBad()
    const { succeed, tare } = openAlpine(way, 'CMD ["echo", "hello"]\n', {}, { adds: true })
    const name = `${registry.host}/app:1`
    const run = (...flags: string[]) => tare(['run', ...flags, name])
    await succeed(['build', '-q', '-t', name, 'context'])
    await succeed(['push', '-q', name])
    await succeed(['rmi', name])
    await succeed(['builder', 'prune', '-af'])
    expect(await run('--pull=never')).toMatchObject({ code: 125, out: '' })
    expect(await run('-v', 'nope:/x')).toMatchObject({ code: 125, out: '' })
    expect(await succeed(['images', '-q', `${registry.host}/app`]), 'a wrong flag fetches nothing').toBe('')
    const first = await run()
    expect(first).toMatchObject({ code: 0, out: 'hello\n' })
    expect(first.err).toMatch(/^Unable to find all of '.*' locally\n[0-9a-f]{12}: Pull complete\n$/)
    expect(await run()).toMatchObject({ code: 0, out: 'hello\n', err: '' })
    expect(await run('-q', '--pull=always')).toMatchObject({ code: 0, out: 'hello\n', err: '' })
    const other = await run('--platform=linux/s390x')
    expect(other).toMatchObject({ code: 125, out: '' })
    expect(other.err).toContain(`${name} is for linux/amd64, not for linux/s390x`)
  })

  test('variables are read from files and flags as docker does', async () => {
    const { succeed, tare, folder } = openAlpine(way, 'ENV A=image\n')
    await succeed(['build', '-q', '-t', 'app', 'context'])
    writeFileSync(join(folder, 'one'), '\ufeff# comment\nA=file\n  B="x y"  \nGIVEN\nABSENT\nC=1\n')
    writeFileSync(join(folder, 'two'), 'C=2\r\n')
    const shown = ['app', 'sh', '-c', 'echo "$A|$B|$C|$GIVEN|${ABSENT-unset}"']
    expect(await succeed(['run', '--env-file', 'one', '--env-file=two', ...shown], { env: { GIVEN: 'here' } })).toBe(
      'file|"x y"  |2|here|unset\n',
    )
    expect(await succeed(['run', '--env-file', 'one', '-e', 'C=3', ...shown])).toContain('|3|')
    expect(await succeed(['run', '-e', 'C=3', '-e', 'GIVEN', ...shown], { env: { GIVEN: 'c' } })).toBe(
      'image||3|c|unset\n',
    )
    writeFileSync(join(folder, 'bad'), 'OK=1\nNOT OK=1\n')
    const { code, err } = await tare(['run', '--env-file', 'bad', 'app', 'true'])
    expect({ code, err }).toEqual({ code: 125, err: 'Error: bad:2: variable "NOT OK" contains whitespace\n' })
  })

  test.each([
    [['-p', '80:80'], '-p, --publish is not supported\nThe command uses this machine’s network'],
    [['-d'], '-d, --detach is not supported\ntare run runs a command once and keeps no container.'],
    [['-h', 'x'], '-h, --hostname is not supported'],
    [['--privileged'], '--privileged is not supported'],
    [['-m', '1g'], '-m, --memory is not supported'],
    [['--gpus=all'], '--gpus is not supported'],
    [['--mount', 'dst=/x'], 'invalid mount "dst=/x": volumes are not supported'],
    [['--mount', 'type=bind,src=.,dst=/x,bind-propagation=shared'], '"bind-propagation" is not supported'],
    [['--mount', 'type=bind,src=/nowhere,dst=/x'], 'cannot mount /nowhere at /x: /nowhere does not exist'],
    [['--tmpfs', '/x:uid=1'], 'invalid tmpfs "/x:uid=1": "uid=1" is not supported'],
    [['--tmpfs', 'x'], 'invalid mount target "x"'],
    [['--tmpfs', '/x', '--tmpfs', '/x/'], 'two have the target /x'],
    [['--pull=often'], 'invalid pull option "often"'],
    [['-v', '/only'], 'invalid volume "/only"'],
    [['-v', 'name:/x'], 'There are no named volumes'],
    [['--add-host', 'db'], 'invalid host "db"'],
    [['--ulimit', 'nofile'], 'invalid ulimit "nofile"'],
  ])('%j is rejected with a message that names it, and exit code 125', async (flags, said) => {
    const { code, err } = await openBench().tare(['run', ...flags, 'app'])
    expect(err).toContain(said)
    expect(code).toBe(125)
  })
})

describe.each(ways.slice(0, 1))('a leaked secret: $name', (way) => {
  test.each([
    ['a file', 'RUN --mount=type=secret,id=token mkdir /x && cp /run/secrets/token /x/copy\n', '/x/copy', []],
    ['the context', 'COPY note /note\n', '/note', []],
    ['the config', 'ARG T\nENV T=$T\n', 'config', ['--build-arg', `T=${token}`]],
  ])(
    'in %s causes a warning, and fails this build and the next with --secret-leak=error',
    async (_, line, where, more) => {
      const { tare, succeed, folder } = openAlpine(way, line, { note: `x ${token} y` })
      writeFileSync(join(folder, 'token'), `${token}\n`)
      const build = ['build', '-t', 'app', '--secret', 'id=token,src=token', ...more]
      for (let i = 0; i < 2; i++) {
        const { code, err } = await tare([...build, '--secret-leak=error', 'context'])
        expect(code).toBe(1)
        expect(err).toMatch(new RegExp(`ERROR: failed to build: secret "token" is in .*${where}`))
        expect(err).toContain('--secret-leak=allow')
      }
      expect(await succeed(['images', '-q', 'app'])).toBe('')
      for (const flags of [[], ['-q'], ['--progress=none']]) {
        const { code, err } = await tare([...build, ...flags, 'context'])
        expect(code).toBe(0)
        expect(err).toMatch(new RegExp(`WARNING: SecretLeaked: secret "token" is in .*${where}`))
      }
      expect((await tare([...build, '--allow-secret-leak', 'context'])).err).not.toContain('SecretLeaked')
      expect((await tare([...build, '--secret-leak=error', 'context'])).code).toBe(1)
    },
  )

  test.skipIf(!canMount())('a full disk of the store is told as that, and not as a bug', async () => {
    const { succeed, tare, home } = openAlpine(way, 'RUN true\n')
    await succeed(['run', 'alpine', 'true'])
    const running = join(home, 'tare/running')
    mountOn(running, '-t', 'tmpfs', '-o', 'size=64k,mode=777', 'tmpfs')
    for (let i = 0; i < 16; i++) writeFileSync(join(running, `filler-${i}`), Buffer.alloc(4096))
    for (const [argv, code] of [
      [['run', 'alpine', 'true'], 125],
      [['build', '--no-cache', '--progress=none', 'context'], 1],
    ] as const) {
      const outcome = await tare(argv)
      expect(outcome).toMatchObject({ code, err: expect.stringMatching(/no space left|No space left/i) })
      expect(outcome.err).not.toContain('bug')
    }
  })

  test.skipIf(!canMount())('a store on nosuid, nodev and noexec runs the programs of images and mounts', async () => {
    const { tare, succeed, folder } = openAlpine(
      way,
      'FROM alpine AS other\nRUN echo "echo from a stage" > /s && chmod 755 /s\n' +
        'FROM alpine\nRUN cp /bin/busybox / && /busybox echo from the image\n' +
        'RUN --mount=type=bind,source=tools,target=/t --mount=type=bind,from=other,target=/o ' +
        '--mount=type=tmpfs,target=/m /t/say && /o/s && cp /bin/busybox /m/ && /m/busybox echo from memory\n' +
        'RUN --mount=type=bind,source=tools,target=/t,rw --mount=type=bind,from=other,source=/bin,target=/o,rw ' +
        'echo "echo from a changed file" > /t/say && /t/say && cp /o/busybox /o/cat2 && /o/busybox echo from its copy\n',
      { 'tools/say': { content: '#!/bin/sh\necho from the context\n', mode: 0o755 } },
      { adds: true },
    )
    const store = join(folder, 'store')
    mkdirSync(store)
    mountOn(store, '-t', 'tmpfs', '-o', 'size=300m,mode=777,nosuid,nodev,noexec', 'tmpfs')
    const env = { TARE_HOME: store }
    const build = ['build', '--progress=plain', '-t', 'app', 'context']
    if (way.bare) {
      const { code, err } = await tare(build, { env })
      expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('on a disk mounted noexec') })
      return
    }
    const { code, err } = await tare(build, { env })
    expect({ code, err }).toMatchObject({ code: 0 })
    for (const what of ['the image', 'the context', 'a stage', 'memory', 'a changed file', 'its copy'])
      expect(err).toContain(`from ${what}`)
    expect(await succeed(['run', '--rm', 'app', '/busybox', 'echo', 'again'], { env })).toBe('again\n')
  })

  test('a step that mounts files of the context is found again by their contents, wherever these are', async () => {
    const { tare, folder } = openAlpine(
      way,
      'RUN --mount=type=bind,source=data,target=/in cat /in/* > /all\n' +
        'RUN --mount=type=bind,target=/in,rw cat /in/data/* > /again && echo more > /in/data/one\n',
      { 'data/one': 'first', 'data/two': 'second' },
    )
    const cached = async (context: string, flags: readonly string[] = []) => {
      const { err, code } = await tare(['build', '--progress=plain', '-t', 'app', ...flags, context])
      expect({ code, err }).toMatchObject({ code: 0 })
      return err.match(/RUN.*\n#\d+ CACHED/g)?.length ?? 0
    }
    expect(await cached('context')).toBe(0)
    expect(await cached('context')).toBe(2)
    cpSync(join(folder, 'context'), join(folder, 'other'), { recursive: true })
    expect(await cached('other')).toBe(2)
    writeFileSync(join(folder, 'other/data/one'), 'FIRST')
    expect(await cached('other')).toBe(0)
    expect((await tare(['run', 'app', 'cat', '/all', '/again'])).out).toBe('FIRSTsecondFIRSTsecond')
    expect(await cached('context', ['--no-cache'])).toBe(0)
    expect(await cached('other')).toBe(2)
    expect(await cached('context')).toBe(2)
    expect((await tare(['run', 'app', 'cat', '/all', '/again'])).out).toBe('firstsecondfirstsecond')
  })

  test('a secret is part of a cache key only if requested', async () => {
    const { tare, succeed, folder, home } = openAlpine(way, 'RUN --mount=type=secret,id=token true\n')
    const isCached = async (text: string, more = '') => {
      writeFileSync(join(folder, 'token'), text)
      const { err, code } = await tare([
        'build',
        '--progress=plain',
        '--secret',
        `id=token,src=token${more}`,
        'context',
      ])
      expect(code).toBe(0)
      return /RUN.*\n#\d+ CACHED/.test(err)
    }
    expect(await isCached('first-secret')).toBe(false)
    expect(await isCached('second-secret')).toBe(true)
    expect(await isCached('first-secret', ',cache=content')).toBe(false)
    expect(await isCached('first-secret', ',cache=content')).toBe(true)
    expect(await isCached('second-secret', ',cache=content')).toBe(false)
    expect(filesWith(home, 'first-secret')).toEqual([])
    expect((await tare(['build', '--secret', 'id=token,env=T', 'context'], { env: { T: 'short' } })).err).toContain(
      'Secret "token" is shorter than 8 bytes',
    )
    await succeed(['build', '-q', '--no-cache', '--secret', 'id=token,env=T', 'context'], { env: { T: 'long enough' } })
    expect((await tare(['build', '--secret', 'id=token,env=T', 'context'])).err).toContain(
      'the variable T of secret token is not set',
    )
  })
})

test.skipIf(!hasRootFilesystem).each(ways.slice(0, 1))(
  'cache mounts in use by a running step are not removed: $name',
  async (way) => {
    const { start, succeed, tare, home } = openAlpine(
      way,
      'RUN --mount=type=cache,target=/k --mount=type=cache,id=l,target=/l,sharing=locked ' +
        `echo in k > /k/f && echo in l > /l/f && ${waiting('/k')} && cat /k/f /l/f\n`,
    )
    const { child, outcome } = start(['build', '--progress=plain', 'context'])
    await saying(child.stderr!, ' up\n')
    await succeed(['builder', 'prune', '-af'])
    await succeed(['cache', 'export', '--mounts', 'mounts.tar'])
    expect((await tare(['cache', 'import', '--mounts', 'mounts.tar'])).err).toContain('in use by a build')
    letGo(home)
    const { code, err } = await outcome
    expect(code, err).toBe(0)
    expect(err).toMatch(/in k\n.*in l\n/)
  },
)

describe.each(ways.slice(0, 1))('around RUN: $name', (way) => {
  test('proxy variables are visible to commands, and are not part of keys or history', async () => {
    const { tare, succeed, folder } = openAlpine(
      way,
      'RUN echo "by $HTTP_PROXY and $no_proxy"; test "$HTTP_PROXY" = "$http_proxy"\n',
    )
    const build = (more: readonly string[], env = {}) =>
      tare(['build', '--progress=plain', '-t', 'app', ...more, 'context'], { env })
    expect((await build(['--build-arg', 'HTTP_PROXY=http://one'])).err).toContain('by http://one and \n')
    expect((await build(['--build-arg', 'HTTP_PROXY=http://two'])).err).toMatch(/RUN.*\n#\d+ CACHED/)
    expect(await succeed(['history', '--no-trunc', 'app'])).not.toContain('http://')
    mkdirSync(join(folder, 'docker'))
    writeFileSync(
      join(folder, 'docker/config.json'),
      '{"proxies":{"default":{"httpProxy":"http://three","noProxy":"four"}}}',
    )
    const env = { DOCKER_CONFIG: join(folder, 'docker') }
    expect((await build(['--no-cache'], env)).err).toContain('by http://three and four\n')
  })

  test('commands for another platform are rejected before the first step', async () => {
    const { tare, context } = openAlpine(way, 'RUN true\n', {}, { adds: true })
    const { code, err } = await tare(['build', '--progress=plain', '--platform', 'linux/s390x', 'context'])
    if (code === 0) return console.warn('skipped: this machine runs programs for s390x')
    expect(err).toContain('it is for s390x, this machine is ')
    expect(err).toContain('apt-get install qemu-user-static')
    expect(err).toContain('Dockerfile:3')
    expect(err).not.toContain('ADD alpine.tgz /\n#')
    writeFileSync(join(context, 'Dockerfile'), addingAlpine)
    expect((await tare(['build', '-q', '--platform', 'linux/s390x', 'context'])).code).toBe(0)
  })

  test('the whole context can be mounted, and changes to it are discarded', async () => {
    const { succeed } = openAlpine(
      way,
      'RUN --mount=target=/src ls /src > /out\n' +
        'RUN --mount=target=/src,rw touch /src/new && ls /src >> /out\n' +
        'RUN --mount=target=/src --mount=type=tmpfs,target=/t ls /src >> /out; ls -d /src /t >> /out\nCMD ["cat", "/out"]\n',
    )
    await succeed(['build', '-q', '-t', 'app', 'context'])
    expect((await succeed(['run', 'app'])).split('\n')).toEqual([
      ...['Dockerfile', 'Dockerfile', 'new', 'Dockerfile', '/src', '/t', ''],
    ])
    expect(await succeed(['run', 'app', 'sh', '-c', 'ls -d /src /t 2>/dev/null | wc -l'])).toBe('0\n')
  })

  test('unknown values are rejected with a list of known ones', async () => {
    const { tare } = openAlpine(way, 'RUN --security=insecure true\n')
    const refusal = async (...flags: readonly string[]) => (await tare(['build', ...flags, 'context'])).err
    expect(await refusal('--isolation', 'jail')).toContain('It is one of auto, oci, namespace, chroot.')
    expect(await refusal('--allow', 'device')).toContain('The known ones are security.insecure and network.host.')
    expect(await refusal('--on-error', 'x')).toContain('invalid --on-error "x"')
    expect(await refusal('--on-error', 'shell')).toContain('--on-error=shell needs a terminal')
    expect(await refusal('--ulimit', 'nofile')).toContain('nofile=1024:2048')
    expect(await refusal('--ssh', 'default')).toContain('SSH_AUTH_SOCK is not set')
    expect(await refusal()).toContain('--allow security.insecure')
    expect(
      (await tare(['build', '-q', '--allow', 'security.insecure', '--allow', 'network.host', 'context'])).code,
    ).toBe(0)
  })

  test.skipIf(!isRoot)(
    'a user without subordinate IDs has a single owner in a step, and the doctor says what is missing',
    async () => {
      const { tare, succeed } = openAlpine(
        { ...way, user: ordinaryUser, env: {} },
        'RUN id -u > /id && chown 7 /id; true\n',
        {},
        { adds: true },
      )
      const { code, out } = await tare(['doctor'])
      expect(code).toBe(0)
      expect(out).toContain('Root is the only possible owner in a step, and chown to others fails')
      expect(out).toContain(`the user ${ordinaryUser} has no entry in /etc/passwd`)
      expect(out).toMatch(/usermod --add-subuids \S+ --add-subgids \S+ me/)
      const { err } = await tare(['build', '--progress=plain', '-t', 'app', 'context'])
      expect(err).toContain('chown: /id: Invalid argument')
      expect(await succeed(['run', 'app', 'stat', '-c', '%u', '/id'])).toBe('0\n')
    },
  )

  test('the doctor says which sandboxes work, and how to fix the others', async () => {
    const { succeed, tare } = openAlpine(way, '')
    const report = JSON.parse(await succeed(['doctor', '--json']))
    expect(report.sandboxes.map(({ isolation }: { isolation: string }) => isolation)).toEqual([
      'oci',
      'namespace',
      'chroot',
    ])
    expect(report.chosen).toBe(report.sandboxes.find(({ works }: { works: boolean }) => works).isolation)
    const { out } = await tare(['doctor'])
    expect(out).toContain(`${report.chosen.padEnd(10)} works, used by RUN`)
    expect(out).toMatch(/Programs that run here: .*linux\/amd64/)
    const { code, out: bare } = await tare(['doctor'], { env: { PATH: '/nowhere' } })
    expect([0, 1]).toContain(code)
    expect(bare).toContain('namespace')
  })
})

describe.skipIf(!hasRootFilesystem || !hasProgram('python3')).each(ways)('on a terminal: $name', (way) => {
  const wrapper = [...onTerminal(), ...(way.wrapper ?? [])]

  test('tare run -it provides job control, sends Ctrl-C to the command, and follows the size of the window', async () => {
    const { tare, start } = openAlpine(way, '')
    const growing = [...onTerminal('/ # '), ...(way.wrapper ?? [])]
    const { input, watch } = dialogue(
      ['/ # ', 'test -t 0 && echo it is a "terminal"\n'],
      ['it is a terminal', ''],
      ['/ # ', 'until stty size | grep "33 101"; do sleep 0.1; done\n'],
      ['33 101\r\n', ''],
      ['/ # ', 'sh -c "echo it sl\'\'eeps; exec sleep 600"\n'],
      ['it sleeps', '\x03'],
      ['/ # ', 'exit 5\n'],
    )
    const { code, out } = await watch(start(['run', '-it', 'alpine', 'sh'], { input, wrapper: growing }))
    expect(out).toContain('it is a terminal')
    expect(out).toContain('33 101\r\n')
    expect(code, out).toBe(5)
    expect((await tare(['run', '-it', 'alpine', 'sh'])).err).toContain('the input device is not a TTY')
  })

  // With another user than root, see below, in every sandbox.
  test.runIf(isSpecial(way))('--on-error=shell opens a shell on what the failed command left', async () => {
    const { start, home } = openAlpine(way, 'WORKDIR /w\nRUN echo was "here" > made; exit 3\n')
    const { input, watch } = dialogue(['/w # ', 'cat /w/made\n'], ['was here', ''], ['/w # ', 'exit\n'])
    const { code, out } = await watch(start(['build', '--on-error=shell', 'context'], { input, wrapper }))
    expect(out).toContain('was here')
    expect(out).toContain('exit code: 3')
    expect(code).toBe(1)
    expect(await faultsOf(home)).toEqual([])
  })

  test('what runs on a terminal ends with it', async () => {
    const { tare, rewrite, home } = openAlpine(way, '')
    rewrite('FROM alpine\nRUN exit 3\n')
    const wrapper = [...onClosingTerminal('/ # '), ...(way.wrapper ?? [])]
    const all = [
      ['run', '-it', 'alpine', 'sh'],
      ['run', 'alpine', 'sh', '-c', 'echo "/ # "; sleep 600'],
      ['build', '--on-error=shell', 'context'],
    ]
    // Beside one another: each command has a second left once its terminal is gone.
    const ends = all.map(async (argv) => ({ argv, ...(await tare(argv, { wrapper })) }))
    for (const { argv, code, out, err } of await Promise.all(ends)) expect(code, `${argv} ${out} ${err}`).toBe(0)
    const running = join(home, 'tare/running')
    expect(readdirSync(running).flatMap((user) => readdirSync(join(running, user)))).toEqual([])
  })

  // What is typed is in pieces, so that only the command's own words match, not their echo.
  const reopen = 'for d in /dev/stdin /dev/stdout /dev/stderr /dev/tty; do echo "opened" $d > $d || exit 9; done\n'

  test('a user other than root can open the terminal again by its names, in tare run', async () => {
    const { start } = openAlpine(way, '')
    const { input, watch } = dialogue(
      [' $ ', reopen],
      ['opened /dev/tty', ''],
      [' $ ', 'echo I am "$(id -un)" by "$(tty)"; exit 6\n'],
    )
    const { code, out } = await watch(start(['run', '-it', '--user', 'nobody', 'alpine', 'sh'], { input, wrapper }))
    expect(code, out).toBe(6)
    for (const name of ['stdin', 'stdout', 'stderr']) expect(out).toContain(`opened /dev/${name}`)
    // Its own first one, not that of the machine. Without mounts there is no /dev/pts.
    expect(out).toContain(`I am nobody by ${way.bare ? 'not a tty' : '/dev/pts/0'}`)
  })

  test('a user other than root can open the terminal again by its names, in the shell of a failed step', async () => {
    const { start, home } = openAlpine(way, 'WORKDIR /w\nUSER nobody\nRUN echo was "here" > /tmp/made; exit 3\n')
    const { input, watch } = dialogue(
      ['/w $ ', reopen],
      ['opened /dev/tty', ''],
      ['/w $ ', 'cat /tmp/made\n'],
      ['was here', ''],
      ['/w $ ', 'exit\n'],
    )
    const { code, out } = await watch(start(['build', '--on-error=shell', 'context'], { input, wrapper }))
    for (const name of ['stdin', 'stdout', 'stderr']) expect(out).toContain(`opened /dev/${name}`)
    expect(out).toContain('exit code: 3')
    expect(code).toBe(1)
    expect(await faultsOf(home)).toEqual([])
  })
})

test('a store without cache mounts exports an archive without any', async () => {
  const { succeed } = openBench()
  expect(await succeed(['cache', 'export', '--mounts', 'none.tar'])).toBe('')
  expect(await succeed(['cache', 'import', '--mounts', 'none.tar'])).toBe('')
})
