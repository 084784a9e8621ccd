import { expect, test } from 'vitest'
import { operationLines, type PlanRequest, plan } from '../../../test/kit/plans.ts'

/** Dockerfile lines, and the operations that they come to. */
const cases: readonly [title: string, file: readonly string[], operations: readonly string[], request?: PlanRequest][] =
  [
    ['scratch alone is nothing but itself', ['FROM scratch'], ['0 scratch', 'root 0']],
    [
      'files are copied from the context onto what came before',
      ['FROM scratch', 'COPY a b /d/', 'ADD c.tar /'],
      ['0 scratch', '1 context', '2 copy onto 0: 1:a 1:b → /d/', '3 copy onto 2: 1:c.tar! → /', 'root 3'],
    ],
    [
      'a relative destination counts from the working directory, and keeps the slash that makes it a directory',
      ['FROM scratch', 'WORKDIR /app', 'COPY a .', 'COPY a ./', 'COPY a b', 'COPY a ../c/.', 'COPY a "" '],
      [
        '0 scratch',
        '1 make-directory onto 0: /app',
        '2 context',
        '3 copy onto 1: 2:a → /app/',
        '4 copy onto 3: 2:a → /app/',
        '5 copy onto 4: 2:a → /app/b',
        '6 copy onto 5: 2:a → /c/',
        '7 copy onto 6: 2:a → /app/',
        'root 7',
      ],
    ],
    [
      'flags of COPY come along; --chmod makes --link nothing',
      [
        'FROM scratch',
        'COPY --chown=me:us --link --parents --exclude=*.md --exclude=x a /',
        'COPY --link --chmod=u+x a /',
      ],
      [
        '0 scratch',
        '1 context',
        '2 copy onto 0: 1:a → / owner=me:us link parents exclude=["*.md","x"]',
        '3 copy onto 2: 1:a → / mode=u+x',
        'root 3',
      ],
    ],
    [
      'a heredoc is files of the Dockerfile, expanded unless its mark is quoted',
      ['FROM scratch', 'ARG v=1', 'COPY <<a <<"b[1]" /d/', '$v', 'a', '$v', 'b[1]'],
      ['0 scratch', '1 files a="1\\n" b[1]="$v\\n"', '2 copy onto 0: 1:a 1:b[[]1] → /d/', 'root 2'],
    ],
    [
      'a heredoc is a file in a directory of its own, wherever its name leads',
      ['FROM scratch', 'COPY <<../a /d/', '1', '../a', 'ADD <</b/../c*d e /d/', '2', '/b/../c*d'],
      [
        '0 scratch',
        '1 files a="1\\n"',
        '2 copy onto 0: 1:a → /d/',
        '3 context',
        '4 files c*d="2\\n"',
        '5 copy onto 2: 3:e! 4:c[*]d → /d/',
        'root 5',
      ],
    ],
    [
      'ADD fetches what is elsewhere and does not unpack it unless told',
      [
        'FROM scratch',
        `ADD --checksum=sha256:${'a'.repeat(64)} https://h/f.tar /`,
        'ADD --unpack=true https://h/g.tar /',
        'ADD --keep-git-dir https://h/r.git /r',
      ],
      [
        '0 scratch',
        `1 download https://h/f.tar checksum=sha256:${'a'.repeat(64)}`,
        '2 copy onto 0: 1:/f.tar → /',
        '3 download https://h/g.tar',
        '4 copy onto 2: 3:/g.tar! → /',
        '5 git remote=https://h/r.git submodules times=checkout keepGitDir',
        '6 copy onto 4: 5:/ → /r',
        'root 6',
      ],
    ],
    [
      'ADD --unpack=false leaves an archive as it is',
      ['FROM scratch', 'ADD --unpack=false a.tar /'],
      ['0 scratch', '1 context', '2 copy onto 0: 1:a.tar → /', 'root 2'],
    ],
    [
      'only what the last stage needs is planned, and every stage once',
      [
        'FROM scratch AS unused',
        'COPY u /',
        'FROM scratch AS one',
        'COPY a /',
        'FROM one AS two',
        'FROM one',
        'COPY --from=two /a /',
        'COPY --from=one /a /b',
      ],
      [
        '0 scratch',
        '1 context',
        '2 copy onto 0: 1:a → /',
        '3 copy onto 2: 2:/a → /',
        '4 copy onto 3: 2:/a → /b',
        'root 4',
      ],
    ],
    [
      'a target ends the plan early, in whatever case it is written',
      ['FROM scratch AS one', 'COPY a /', 'FROM scratch AS two', 'COPY b /'],
      ['0 scratch', '1 context', '2 copy onto 0: 1:a → /', 'root 2'],
      { target: 'ONE' },
    ],
    [
      'of two stages of one name, the last before the use counts',
      ['FROM scratch AS a', 'COPY first /', 'FROM scratch AS a', 'COPY second /', 'FROM a'],
      ['0 scratch', '1 context', '2 copy onto 0: 1:second → /', 'root 2'],
    ],
    [
      '--from takes a stage by number, by name in any case, or an image',
      [
        'FROM scratch AS one',
        'FROM scratch',
        'COPY --from=0 /a /',
        'COPY --from=ONE /a /',
        'COPY --from=busybox:1 /b /',
      ],
      [
        '0 scratch',
        '1 copy onto 0: 0:/a → /',
        '2 copy onto 1: 0:/a → /',
        '3 image busybox:1',
        '4 copy onto 2: 3:/b → /',
        'root 4',
      ],
      { images: { 'busybox:1': {} } },
    ],
    [
      'an image that several need is one operation',
      ['FROM base AS one', 'FROM base', 'COPY --from=base /a /', 'COPY --from=one /a /'],
      ['0 image base', '1 copy onto 0: 0:/a → /', '2 copy onto 1: 0:/a → /', 'root 2'],
      { images: { base: {} } },
    ],
    [
      'RUN knows its command, user, folder and mounts',
      [
        'FROM scratch AS s',
        'FROM base',
        'USER me',
        'WORKDIR /w',
        'RUN --network=none --mount=type=bind,from=s,target=/m ["x", "y z"]',
        'RUN a && b',
      ],
      [
        '0 image base',
        '1 make-directory onto 0: /w owner=me',
        '2 scratch',
        '3 run onto 1: x y z cwd=/w user=me network=none mounts=…',
        '4 run onto 3: /bin/sh -c a && b cwd=/w user=me',
        'root 4',
      ],
      { images: { base: {} } },
    ],
    [
      'SHELL changes what runs a line, and a heredoc with an interpreter is a script',
      ['FROM scratch', 'SHELL ["/bin/bash", "-ec"]', 'RUN echo', 'RUN <<E', '#!/usr/bin/env python3', 'print(1)', 'E'],
      [
        '0 scratch',
        '1 run onto 0: /bin/bash -ec echo',
        '2 run onto 1: /bin/bash -ec /dev/pipes/E scripts=[{"name":"E","text":"#!/usr/bin/env python3\\nprint(1)\\n"}]',
        'root 2',
      ],
    ],
    [
      'a named context stands for a stage, an image, or what FROM says',
      ['FROM base AS one', 'COPY --from=files /a /', 'COPY --from=other:latest /b /'],
      [
        '0 image theirs',
        '1 context files',
        '2 copy onto 0: 1:/a → /',
        '3 scratch',
        '4 copy onto 2: 3:/b → /',
        'root 4',
      ],
      {
        images: { theirs: {} },
        contexts: { base: { kind: 'image', name: 'theirs' }, files: { kind: 'files' }, other: { kind: 'scratch' } },
      },
    ],
    [
      'a named context of files can be a base, and one that names a stage is that stage',
      ['FROM scratch AS tools', 'COPY t /', 'FROM files', 'COPY --from=box /t /'],
      [
        '0 scratch',
        '1 context files',
        '2 copy onto 0: 1:/ → /',
        '3 context',
        '4 copy onto 0: 3:t → /',
        '5 copy onto 2: 4:/t → /',
        'root 5',
      ],
      { contexts: { files: { kind: 'files' }, box: { kind: 'target', stage: 'tools' } } },
    ],
  ]

test.each(cases)('%s', async (_, file, operations, request) => {
  const lines = operationLines(await plan(file.join('\n'), request))
  expect(lines.map((line) => line.replace(/ mounts=\[.*\]/, ' mounts=…'))).toEqual(operations)
})

test('a mount from a stage, a name or the context names the operation it takes', async () => {
  const { operations } = await plan(
    'FROM scratch AS s\nCOPY a /\nFROM scratch\nRUN --mount=from=s,target=/s --mount=target=/c --mount=type=cache,target=/k --mount=type=bind,from=busybox,target=/b x',
    { images: { busybox: {} } },
  )
  const run = operations.find((operation) => operation.kind === 'run')!
  expect(
    run.mounts.map(({ type, target, operation }) => [
      type,
      target,
      operation === undefined ? undefined : operations[operation]!.kind,
    ]),
  ).toEqual([
    ['bind', '/s', 'copy'],
    ['bind', '/c', 'context'],
    ['cache', '/k', undefined],
    ['bind', '/b', 'image'],
  ])
})

test('titles count the steps of a stage and name it where there are several', async () => {
  const one = await plan('FROM base\nENV a=1\nCOPY x $a/\nWORKDIR /\nRUN y', { images: { base: {} } })
  expect(one.operations.map(({ title }) => title)).toEqual([
    '[1/4] FROM base',
    '[internal] load build context',
    '[2/4] COPY x 1/',
    '[4/4] RUN y',
  ])
  const two = await plan('FROM base AS one\nCOPY a /\nFROM one\nCOPY b /\nCOPY --from=files c /', {
    images: { base: {} },
    contexts: { files: { kind: 'files' } },
    severalPlatforms: true,
    platform: 'linux/arm64',
  })
  expect(two.operations.map(({ title }) => title)).toEqual([
    '[linux/arm64 one 1/2] FROM base',
    '[internal] load build context',
    '[linux/arm64 one 2/2] COPY a /',
    '[linux/arm64 stage-1 1/2] COPY b /',
    '[context files] load from client',
    '[linux/arm64 stage-1 2/2] COPY --from=files c /',
  ])
})
