import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openAlpine } from './kit/alpine.ts'
import { openQuickBench } from './kit/call-tare.ts'
import { hasProgram } from './kit/needs.ts'
import { copyPrograms } from './kit/program-image.ts'
import { hasRootFilesystem, rootFilesystem } from './kit/root-filesystem.ts'
import { type Way, waysToRun } from './kit/sandboxes.ts'

// What `tare build --verify` finds, and what it lets pass.

const ways = hasRootFilesystem
  ? waysToRun().filter(({ user, wrapper }) => user === undefined && wrapper === undefined)
  : []
const first = ways[0]

/** Verifies what the lines make of Alpine; `images` counts what that adds to the store. */
async function verify(way: Way, lines: string, ...flags: readonly string[]) {
  const bench = openAlpine(way, `${lines}\n`)
  const count = async () => (await bench.succeed(['images', '-a', '-q'])).split('\n').length
  const before = await count()
  const outcome = await bench.tare(['build', '--verify', '-t', 'app', ...flags, 'context'])
  return { ...outcome, images: (await count()) - before }
}

const epoch = { SOURCE_DATE_EPOCH: '1700000000' }

test.skipIf(!hasRootFilesystem)('what is only copied is the same, with and without an epoch', async () => {
  const files = { 'rootfs.tgz': readFileSync(rootFilesystem!), a: 'a', 'd/x': 'x', 'd/y': 'y' }
  const { context, tare, succeed } = openQuickBench(files)
  const build = (lines: string, env = {}) =>
    tare(['build', '--verify', '-t', 'app', '-f', '-', context], {
      input: `FROM scratch\nADD rootfs.tgz /\n${lines}\n`,
      env,
    })
  const plain = await build('COPY a /\nCOPY d /d\nWORKDIR /w')
  expect([plain.code, plain.err]).toEqual([
    0,
    expect.stringMatching(/Verified: built twice, with the same result, apart from \d+ times/),
  ])
  expect((await succeed(['images', '-a', '-q'])).split('\n')).toHaveLength(2)
  const fixed = await build('COPY a /\nWORKDIR /w', epoch)
  expect([fixed.code, fixed.err]).toEqual([0, expect.stringMatching(/Verified: built twice, with the same result\.\n/)])
})

const many = 'a b c d e f g h i j k l m n o p'

const commands = {
  time: 'date > /time',
  chance: 'head -c 8 /dev/urandom > /chance',
  shell: 'echo $RANDOM $RANDOM $RANDOM > /shell',
  order: `mkdir /many && cd /many && touch ${many} && find . > /order`,
}

test.skipIf(first === undefined)(
  'time, chance, that of the shell too, and the order of a directory in a RUN are found, with the step of each, and nothing is named',
  async () => {
    const lines = Object.values(commands).map((command) => `RUN ${command}`)
    const { code, out, err, images } = await verify(first!, ['RUN echo same > /same', ...lines].join('\n'))
    expect([code, images]).toEqual([1, 0])
    for (const [name, command] of Object.entries(commands)) {
      expect(out).toMatch(new RegExp(`content +/?${name}\\b`))
      expect(out.split('Written by:\n')[1]).toContain(` /${name}: RUN /bin/sh -c ${command} # buildkit\n`)
    }
    expect(out).not.toContain('same')
    expect(err).toContain('the second build has another result')
  },
)

const isGnu = spawnSync('ls', ['--version'], { encoding: 'utf8' }).stdout?.includes('GNU') && hasProgram('ldd')

test.skipIf(first === undefined || !isGnu)(
  'the unsorted list of GNU’s ls is found, and its sorted one is not',
  async () => {
    const { context, rewrite, tare } = openAlpine(first!, '')
    copyPrograms(join(context, 'gnu'), { ls: 'gnu/ls' })
    const build = (flag: string) => {
      const command = `mkdir /many && cd /many && touch ${many} && /gnu/ls ${flag} > /found`
      rewrite(`FROM alpine\nCOPY gnu /\nRUN ${command}\n`)
      return tare(['build', '--verify', 'context'])
    }
    const unsorted = await build('-U')
    expect([unsorted.code, unsorted.out]).toEqual([1, expect.stringMatching(/content +\/?found/)])
    const sorted = await build('-1')
    expect([sorted.code, sorted.err]).toEqual([0, expect.stringContaining('Verified: built twice')])
  },
)

test.skipIf(first === undefined).each(ways)(
  '$name: a RUN that asks for the name of the machine is found, unless that is given',
  async (way) => {
    // Under chroot the name is the machine's own, but for /etc/hosts.
    const line = way.bare ? 'RUN cat /etc/hosts > /found' : 'RUN hostname > /found && grep "$(hostname)" /etc/hosts'
    const { code, out } = await verify(way, line)
    expect([code, out]).toEqual([1, expect.stringMatching(/content +\/?found/)])
    const given = await verify(way, line, '--build-arg=BUILDKIT_SANDBOX_HOSTNAME=builder-1.example')
    expect([given.code, given.images]).toEqual([0, 1])
  },
)

test.skipIf(first === undefined)(
  'steps that run at the same time the first time, and get in each other’s way, are found',
  async () => {
    const mount = '--mount=type=cache,target=/shared,sharing=shared'
    const { code, out } = await verify(
      first!,
      `FROM alpine AS one
RUN ${mount} touch /shared/one; sleep 0.5; ls /shared > /seen
RUN ${mount} sleep 0.5; rm -f /shared/one
FROM alpine AS two
RUN ${mount} touch /shared/two; sleep 0.5; ls /shared > /seen
RUN ${mount} sleep 0.5; rm -f /shared/two
FROM scratch
COPY --from=one /seen /one
COPY --from=two /seen /two`,
    )
    expect([code, out]).toEqual([1, expect.stringMatching(/content +\/?one/)])
  },
)

test('a context that can be read only once is refused', async () => {
  const bench = openQuickBench({})
  const { code, err } = await bench.tare(['build', '--verify', '-'], { input: 'FROM scratch\n' })
  expect([code, err]).toEqual([1, expect.stringContaining('--verify needs a context that can be read twice')])
})
