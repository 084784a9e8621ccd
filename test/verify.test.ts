import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sandboxVariants } from './kit/alpine-steps.ts'
import { openQuickBench } from './kit/call-tare.ts'
import { hasProgram } from './kit/needs.ts'
import { copyPrograms } from './kit/program-image.ts'
import { rootFilesystem } from './kit/root-filesystem.ts'

// What `tare build --verify` finds, and what it lets pass.

const usable = sandboxVariants().some(({ hindrance }) => hindrance === undefined)

async function verify(lines: string, env: Readonly<Record<string, string>> = {}, ...flags: readonly string[]) {
  const bench = openQuickBench({ 'rootfs.tgz': readFileSync(rootFilesystem!), a: 'a', 'd/x': 'x', 'd/y': 'y' })
  const outcome = await bench.tare(['build', '--verify', '-t', 'app', '-f', '-', ...flags, bench.context], {
    input: `FROM scratch\nADD rootfs.tgz /\n${lines}\n`,
    env,
  })
  const images = await bench.succeed(['images', '-a', '-q'])
  return { ...outcome, images: images.trim().split('\n').filter(Boolean).length }
}

const epoch = { SOURCE_DATE_EPOCH: '1700000000' }

test('what is only copied is the same, with and without an epoch', async () => {
  const plain = await verify('COPY a /\nCOPY d /d\nWORKDIR /w')
  expect([plain.code, plain.err]).toEqual([
    0,
    expect.stringMatching(/Verified: built twice, with the same result, apart from \d+ times/),
  ])
  expect(plain.images).toBe(1)
  const fixed = await verify('COPY a /\nWORKDIR /w', epoch)
  expect([fixed.code, fixed.err]).toEqual([0, expect.stringMatching(/Verified: built twice, with the same result\.\n/)])
})

const many = 'a b c d e f g h i j k l m n o p'

test.skipIf(!usable).each([
  ['the time', 'RUN date > /found'],
  ['chance', 'RUN head -c 8 /dev/urandom > /found'],
  ['chance of the shell', 'RUN echo $RANDOM $RANDOM $RANDOM > /found'],
  ['the order of a directory', `RUN mkdir /many && cd /many && touch ${many} && find . > /found`],
])('%s in a RUN is found, with the step that did it, and nothing is named', async (_, line) => {
  const { code, out, err, images } = await verify(line)
  expect([code, images]).toEqual([1, 0])
  expect(out).toMatch(/content +\/?found/)
  expect(out).toContain(`Written by:\n /found: RUN /bin/sh -c ${line.slice('RUN '.length)} # buildkit`)
  expect(err).toContain('the second build has another result')
})

const isGnu = spawnSync('ls', ['--version'], { encoding: 'utf8' }).stdout?.includes('GNU') && hasProgram('ldd')

test.skipIf(!usable || !isGnu)('the unsorted list of GNU’s ls is found, and its sorted one is not', async () => {
  const bench = openQuickBench({ 'rootfs.tgz': readFileSync(rootFilesystem!) })
  copyPrograms(`${bench.context}/gnu`, { ls: 'gnu/ls' })
  const build = (flag: string) =>
    bench.tare(['build', '--verify', '-f', '-', bench.context], {
      input: `FROM scratch
ADD rootfs.tgz /
COPY gnu /
RUN mkdir /many && cd /many && touch ${many} && /gnu/ls ${flag} > /found`,
    })
  const unsorted = await build('-U')
  expect([unsorted.code, unsorted.out]).toEqual([1, expect.stringMatching(/content +\/?found/)])
  const sorted = await build('-1')
  expect([sorted.code, sorted.err]).toEqual([0, expect.stringContaining('Verified: built twice')])
})

const variants = sandboxVariants().filter(({ hindrance }) => hindrance === undefined)

test.skipIf(!usable).each(variants.map(({ isolation }) => isolation))(
  '%s: a RUN that asks for the name of the machine is found, unless that is given',
  async (isolation) => {
    // Under chroot the name is the machine's own, but for /etc/hosts.
    const line =
      isolation === 'chroot' ? 'RUN cat /etc/hosts > /found' : 'RUN hostname > /found && grep "$(hostname)" /etc/hosts'
    const { code, out } = await verify(line, {}, `--isolation=${isolation}`)
    expect([code, out]).toEqual([1, expect.stringMatching(/content +\/?found/)])
    const given = await verify(
      line,
      {},
      `--isolation=${isolation}`,
      '--build-arg=BUILDKIT_SANDBOX_HOSTNAME=builder-1.example',
    )
    expect([given.code, given.images]).toEqual([0, 1])
  },
)

test.skipIf(!usable)(
  'steps that run at the same time the first time, and get in each other’s way, are found',
  async () => {
    const mount = '--mount=type=cache,target=/shared,sharing=shared'
    const { code, out } = await verify(
      `FROM scratch AS one
ADD rootfs.tgz /
RUN ${mount} touch /shared/one; sleep 0.5; ls /shared > /seen
RUN ${mount} sleep 0.5; rm -f /shared/one
FROM scratch AS two
ADD rootfs.tgz /
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
