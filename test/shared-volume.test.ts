import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { faultsOf, leftovers } from './kit/check-store.ts'
import { isRoot, openBench, startTare } from './kit/cli.ts'
import { unlessMissing } from './kit/needs.ts'
import { hasRootFilesystem, rootFilesystem } from './kit/root-filesystem.ts'

// Two containers with one volume, and two machines: PID namespaces of their own, and another boot id in /proc.

const mayUnshare =
  isRoot &&
  spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'mount', '--bind', '/proc/version', '/proc/cmdline'])
    .status === 0
const isThere = unlessMissing(mayUnshare, 'this process may not make namespaces') && hasRootFilesystem

/** In front of a command: a container of its own. */
const container = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']

/** In front of a command: a container on another machine, whose boot id is in the file. */
function machine(bootId: string): readonly string[] {
  return [...container, 'sh', '-c', 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"', bootId]
}

function openShared() {
  const bench = openBench({
    Base: 'FROM scratch\nADD alpine.tgz /\n',
    First:
      'FROM base\nRUN --mount=type=cache,target=/k,sharing=locked echo a >> /k/x; touch /k/began; ' +
      'i=0; while [ ! -e /k/go ] && [ $i -lt 3000 ]; do sleep 0.1; i=$((i+1)); done; cp /k/x /x\n',
    Second: 'FROM base\nRUN echo b > /b\n',
    Third: 'FROM base\nRUN --mount=type=cache,target=/k,sharing=locked echo c >> /k/x; cp /k/x /y\n',
  })
  copyFileSync(rootFilesystem!, join(bench.context, 'alpine.tgz'))
  writeFileSync(join(bench.folder, 'boot'), '11111111-2222-3333-4444-555555555555\n')
  const build = (name: string, wrapper: readonly string[] = []) =>
    startTare(
      ['build', '--no-cache', '--progress=plain', '-t', name.toLowerCase(), '-f', `context/${name}`, 'context'],
      {
        ...{ home: bench.home, cwd: bench.folder, wrapper },
      },
    )
  const caches = join(bench.home, 'tare/caches/root')
  const cached = (name: string) => join(caches, readdirSync(caches)[0]!, 'data', name)
  const begun = () => expect.poll(() => existsSync(caches) && existsSync(cached('began'))).toBe(true)
  return { ...bench, build, cached, begun, boot: join(bench.folder, 'boot') }
}

test.skipIf(!isThere).each(['another container', 'another machine'])(
  'a build in %s does not touch the running step, the files and the cache of this one',
  async (where) => {
    const { build, begun, cached, boot, home, succeed, tare } = openShared()
    const away = where === 'another machine' ? machine(boot) : container
    expect((await build('Base').outcome).code).toBe(0)
    const first = build('First', container)
    await begun()
    // What it has may be older than any silence: its mark counts.
    const running = join(home, 'tare/running/root')
    for (const name of readdirSync(running)) utimesSync(join(running, name), 1000, 1000)
    const second = await build('Second', away).outcome
    expect(second).toMatchObject({ code: 0 })
    const third = build('Third', away)
    await expect(Promise.race([third.outcome, new Promise((go) => setTimeout(go, 2000, 'waits'))])).resolves.toBe(
      'waits',
    )
    expect((await tare(['builder', 'prune', '-f'], { wrapper: away })).code).toBe(0)
    expect(readdirSync(running).length).toBeGreaterThan(0)
    writeFileSync(cached('go'), '')
    expect(await first.outcome).toMatchObject({ code: 0 })
    expect(await third.outcome).toMatchObject({ code: 0 })
    expect(await succeed(['run', 'first', 'cat', '/x'])).toBe('a\n')
    expect(await succeed(['run', 'third', 'cat', '/y'])).toBe('a\nc\n')
    expect(await faultsOf(home)).toEqual([])
    expect(readdirSync(running)).toEqual([])
  },
  300_000,
)

test.skipIf(!isThere)(
  'leftovers of a machine that is gone are removed, and block nothing',
  async () => {
    const { build, begun, boot, home, tare } = openShared()
    expect((await build('Base').outcome).code).toBe(0)
    const first = build('First', machine(boot))
    await begun()
    first.child.kill('SIGKILL')
    await first.outcome
    const running = join(home, 'tare/running/root')
    const left = readdirSync(running)
    expect(left).not.toEqual([])
    // It might be alive.
    expect((await build('Second').outcome).code).toBe(0)
    expect(readdirSync(running)).toEqual(left)
    for (const name of readdirSync(join(home, 'tare/alive'))) {
      const past = Date.now() / 1000 - 301
      utimesSync(join(home, 'tare/alive', name), past, past)
    }
    expect((await build('Third').outcome).code).toBe(0)
    expect(readdirSync(running)).toEqual([])
    expect(leftovers(home)).toEqual([])
    expect(readdirSync(join(home, 'tare/alive'))).toEqual([])
    // Nobody uses the cache mount any more: --no-cache has emptied it.
    const cache = join(home, 'tare/caches/root')
    expect(readFileSync(join(cache, readdirSync(cache)[0]!, 'data/x'), 'utf8')).toBe('c\n')
    expect((await tare(['builder', 'prune', '-af'])).code).toBe(0)
    expect(readdirSync(cache)).toEqual([])
  },
  300_000,
)
