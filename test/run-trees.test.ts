import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openAlpine, storedAlpine } from './kit/alpine.ts'
import { hasRootFilesystem } from './kit/root-filesystem.ts'
import { waysToRun } from './kit/sandboxes.ts'
import { type Members, tarOf } from './kit/tiny-archive.ts'

// Trees that commands leave: as the next step finds them at once, and after its filesystem was unpacked again.

const ways = hasRootFilesystem ? waysToRun() : []
// A file without any test would count as failed.
if (ways.length === 0) test.skip('commands need a root filesystem, and a way to run them')

/** Megabytes of holes: more are packed in a thread of their own, which is tried with the first way. */
const make = (size: number) => String.raw`set -e
mkdir /w && cd /w
odd=$(printf 'd\377\376')
mkdir "$odd" && echo bytes > "$odd/$(printf '\200')" && ln -s "$odd" "$(printf 'link\344')"
echo slash > 'back\slash' && echo newline > "$(printf 'two\nlines')" && echo glob > '*?[a]' && echo opt > --file
truncate -s ${size}M holes && echo end >> holes && echo middle | dd of=holes bs=1 seek=10000000 conv=notrunc 2>/dev/null
echo twin > twin && ln twin other && mkfifo pipe && echo s > set && chmod 6755 set && chmod 1777 .
mkdir -p closed/inner && echo kept > closed/inner/file && chmod 000 closed/inner closed/inner/file && chmod 111 closed
`
const list = String.raw`cd /w
find . -exec stat -c '%A %u:%g %N' {} + | sort | od -c | md5sum
cat "$(printf 'link\344')"/*
cat back* two* '*?[a]' ./--file
test "$(stat -c %b holes)" -lt 4000 && echo sparse
tail -c 4 holes; tail -c +10000001 holes | head -c 7; stat -c %s holes
cat closed/inner/file
echo more >> twin; tail -n 1 twin other
`

describe.each(ways)('what a RUN leaves: $name', (way) => {
  test('file names with any bytes, holes, links and inaccessible directories are restored', async () => {
    const size = way === ways[0] ? 60 : 20
    const { succeed, rewrite, home } = openAlpine(way, 'COPY *.sh /\nRUN sh /make.sh\nRUN sh /list.sh > /first\n', {
      'make.sh': make(size),
      'list.sh': list,
    })
    await succeed(['build', '-q', '-t', 'app', 'context'])
    const first = await succeed(['run', 'app', 'cat', '/first'])
    expect(first.replace(/^\w+ {2}-\n/, '')).toBe(
      `bytes\nslash\nnewline\nglob\nopt\nsparse\nend\nmiddle\n${(size << 20) + 4}\nkept\n==> twin <==\nmore\n\n==> other <==\ntwin\n`,
    )
    for (const name of ['unpacked', 'trees']) rmSync(join(home, 'tare', name), { recursive: true, force: true })
    rewrite(`${storedAlpine}COPY *.sh /\nRUN sh /make.sh\nRUN sh /list.sh > /second\n`)
    await succeed(['build', '-q', '-t', 'app', 'context'])
    expect(await succeed(['run', 'app', 'cat', '/second'])).toBe(first)
  })

  test.each<[string, Members, string]>([
    [
      'through a symlink',
      [
        ['t/l', { symlink: 'd' }],
        ['t/l/.wh.x', ''],
      ],
      't t/d t/d/y t/e t/e/z t/l',
    ],
    [
      'of a directory that comes again',
      [
        ['t/.wh.d', ''],
        ['t/d/', ''],
        ['t/d/new', ''],
      ],
      't t/d t/d/new t/e t/e/z',
    ],
    [
      'of a directory in the place of which there is a symlink',
      [
        ['t/.wh.d', ''],
        ['t/d', { symlink: 'e' }],
      ],
      't t/d t/e t/e/z',
    ],
    [
      'of AUFS’ notes',
      [
        ['.wh..wh.plnk/1', 'linked'],
        ['t/', ''],
        ['t/h', { hardlink: '.wh..wh.plnk/1' }],
      ],
      't t/d t/d/x t/d/y t/e t/e/z t/h',
    ],
    ['of notes alone', [['.wh..wh.plnk', '']], 't t/d t/d/x t/d/y t/e t/e/z'],
  ])('whiteouts of other builders’ layers are for a command what they are for an export: %s', async (_, high, seen) => {
    const { succeed, folder } = openAlpine(way, '')
    const low: Members = [
      ['t/', ''],
      ['t/d/', ''],
      ['t/d/x', ''],
      ['t/d/y', ''],
      ['t/e/', ''],
      ['t/e/z', ''],
    ]
    writeFileSync(join(folder, 'low.tar'), tarOf(low))
    writeFileSync(join(folder, 'high.tar'), tarOf(high))
    await succeed(['image', 'append', '-t', 'odd', 'alpine', 'low.tar', 'high.tar'])
    expect((await succeed(['run', 'odd', 'sh', '-c', 'find t .wh* | sort'])).trim().split('\n').join(' ')).toBe(seen)
    await succeed(['export', '-o', 'all.tar', 'odd'])
    const names = execFileSync('tar', ['-tf', 'all.tar'], { cwd: folder, encoding: 'utf8' }).split('\n')
    const found = names.filter((name) => /^(t\/|\.wh)/.test(name)).map((name) => name.replace(/\/$/, ''))
    expect(found.sort().join(' ')).toBe(seen)
  })

  test('owners outside the mapped IDs are preserved, whatever a RUN does to their files', async () => {
    const owned = 'COPY --chown=300000:300001 make.sh /d/f\nCOPY --chown=300000:300001 make.sh /g\n'
    const script = 'echo more >> /d/f; chmod 600 /g; touch /d/new; chown 7:8 /usr; mkdir /fresh'
    const { succeed, folder } = openAlpine(way, `${owned}RUN ${script}\n`, { 'make.sh': '' })
    await succeed(['build', '-q', '-t', 'app', 'context'])
    await succeed(['save', '-o', join(folder, 'app.tar'), 'app'])
    const tar = (...argv: readonly string[]) => execFileSync('tar', argv, { cwd: folder, encoding: 'utf8' })
    tar('-xf', 'app.tar')
    const [{ Layers }] = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
    const lines = tar('-tv', '--numeric-owner', '-f', Layers.at(-1)).trim().split('\n')
    expect(lines.map((line) => line.replace(/^\S+ +(\S+) .* (\S+)$/, '$1 $2'))).toEqual([
      '300000/300001 d/',
      '300000/300001 d/f',
      '0/0 d/new',
      '0/0 fresh/',
      '300000/300001 g',
      '7/8 usr/',
    ])
  })

  test('cache mounts are shared, locked or private, seeded and owned as they say', async () => {
    const cache = (flags: string) => `RUN --mount=type=cache,target=/c,${flags}`
    // Where they can meet first, each finds the other at what follows.
    const hold = way.bare ? 0.5 : 0.2
    const both = ['a', 'b'].map((me) => {
      const other = me === 'a' ? 'b' : 'a'
      const meet = `touch /c/${me}; n=0; until test -e /c/${other}; do n=$((n + 1)); test $n -lt 600; sleep 0.1; done`
      return `FROM alpine AS ${me}
${way.bare ? '' : `${cache('id=shared')} set -e; ${meet}`}
${cache('id=locked,sharing=locked')} set -e; test ! -e /c/busy; touch /c/busy; sleep ${hold}; rm /c/busy
${cache('id=private,sharing=private')} echo ${me} > /c/who; sleep ${hold}; cat /c/who > /who
`
    })
    const seeded = 'from=seed,source=/s,uid=5,gid=6,mode=0750'
    const dockerfile = `FROM alpine AS seed
RUN mkdir -p /s/in /other && echo seeded > /s/in/f && chown -R 3:4 /s
${both.join('')}FROM alpine
ARG N
COPY --from=a /who /a
COPY --from=b /who /b
${cache(`id=x,${seeded}`)} stat -c "%u:%g %a %n" /c /c/in /c/in/f > /facts; cat /c/in/f >> /facts; echo more >> /c/in/f
${cache('id=x,from=seed,source=/other')} stat -c "%u:%g %a %n" /c >> /facts; ls /c | wc -l >> /facts
${cache('id=x')} ls /c | wc -l >> /facts; echo plain > /c/f
${cache('id=x,mode=0755,uid=0')} cat /c/f >> /facts 2>/dev/null || echo another >> /facts
${way.bare ? '' : `${cache('id=x,ro')} cat /c/f >> /facts; ! touch /c/f 2>/dev/null && echo readonly >> /facts\n`}CMD ["cat", "/a", "/b", "/facts"]
`
    const { succeed } = openAlpine(way, dockerfile)
    const expected = (seed: string, count: number) =>
      `a\nb\n5:6 750 /c\n3:4 755 /c/in\n3:4 644 /c/in/f\n${seed}0:0 755 /c\n0\n${count}\nanother\n${way.bare ? '' : 'plain\nreadonly\n'}`
    // The two stages are long enough for one to come upon the other; the second build has them cached. It is for who runs, and for
    // whether there are mounts.
    const isSpecial = ways.find(({ user, bare }) => user === way.user && bare === way.bare) === way
    const builds = [
      ['seeded\n', 0],
      ['seeded\nmore\n', 1],
    ] as const
    for (const [seed, count] of isSpecial ? builds : builds.slice(0, 1)) {
      await succeed(['build', '-q', '--build-arg', `N=${count}`, '-t', 'app', 'context'])
      expect(await succeed(['run', 'app'])).toBe(expected(seed, count))
    }
  })
})
