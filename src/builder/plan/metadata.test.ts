import { expect, test } from 'vitest'
import { failureOf, historyLines, operationLines, type PlanRequest, plan } from '../../../test/kit/plans.ts'

async function planned(file: readonly string[], request?: PlanRequest) {
  const result = await plan(file.join('\n'), request)
  const { PATH: _, ...env } = Object.fromEntries((result.output.config.Env ?? []).map((line) => line.split('=')))
  return { ...result, config: result.output.config, env, history: historyLines(result) }
}

const base = { Env: ['PATH=/bin', 'A=base'], Cmd: ['sh'], Labels: { from: 'base' }, WorkingDir: '/home', User: 'me' }
const images = { base }

test('an image of nothing has a PATH and a folder', async () => {
  expect((await planned(['FROM scratch'])).config).toEqual({
    WorkingDir: '/',
    Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
  })
})

test('a base gives its config, less what says nothing; PATH only where it has none', async () => {
  const config = { ...base, Volumes: null, OnBuild: null, Entrypoint: null } as never
  expect((await planned(['FROM base'], { images: { base: config } })).config).toEqual(base)
  expect((await planned(['FROM bare'], { images: { bare: { Env: ['X=1'] } } })).config.Env).toEqual([
    'X=1',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  ])
})

const table: readonly [
  title: string,
  file: readonly string[],
  config: object,
  history: readonly string[],
  request?: PlanRequest,
][] = [
  [
    'ENV keeps the place of a variable that is there and adds others at the end',
    ['FROM base', 'ENV B=1 A="x y"', 'ENV C old form'],
    { Env: ['PATH=/bin', 'A=x y', 'B=1', 'C=old form'] },
    ['ENV B=1 A=x y', 'ENV C=old form'],
  ],
  [
    'labels are added to those of the base, and those of the command line last',
    ['FROM base', 'LABEL a=1 "b c"="d e"', 'LABEL a=2'],
    { Labels: { from: 'line', a: '2', 'b c': 'd e' } },
    ['LABEL a=1 b c=d e', 'LABEL a=2'],
    { labels: { from: 'line' } },
  ],
  [
    'ports are in the history as the words are sorted before they are expanded, with repeats',
    ['FROM scratch', 'ENV p="99/udp 7-8"', 'EXPOSE 80/tcp $p 9-10 80 8', 'EXPOSE 53/UDP 80 80/tcp'],
    { ExposedPorts: { '80/tcp': {}, '99/udp': {}, '7/tcp': {}, '8/tcp': {}, '9/tcp': {}, '10/tcp': {}, '53/udp': {} } },
    [
      'ENV p=99/udp 7-8',
      'EXPOSE [99/udp 7/tcp 8/tcp 8/tcp 80/tcp 80/tcp 9/tcp 10/tcp]',
      'EXPOSE [53/udp 80/tcp 80/tcp]',
    ],
  ],
  [
    'volumes in both forms',
    ['FROM scratch', 'VOLUME /a /b', 'VOLUME ["/c d"]'],
    { Volumes: { '/a': {}, '/b': {}, '/c d': {} } },
    ['VOLUME [/a /b]', 'VOLUME [/c d]'],
  ],
  [
    'a user, as it is written',
    ['FROM scratch', 'ARG u=me', 'USER $u:us'],
    { User: 'me:us' },
    ['ARG u=me', 'USER me:us'],
  ],
  ['a signal', ['FROM scratch', 'STOPSIGNAL SIGQUIT'], { StopSignal: 'SIGQUIT' }, ['STOPSIGNAL SIGQUIT']],
  [
    'a command in the shell form has the shell of that moment in front',
    ['FROM scratch', 'CMD a  b', 'SHELL ["/x", "-c"]', 'CMD c'],
    { Cmd: ['/x', '-c', 'c'], Shell: ['/x', '-c'] },
    ['CMD ["/bin/sh" "-c" "a  b"]', 'SHELL [/x -c]', 'CMD ["/x" "-c" "c"]'],
  ],
  [
    'an entrypoint takes the command of the base away',
    ['FROM base', 'ENTRYPOINT ["e"]'],
    { Entrypoint: ['e'], Cmd: undefined },
    ['ENTRYPOINT ["e"]'],
  ],
  [
    'but not one of the same stage, wherever it stands',
    ['FROM base', 'CMD ["c"]', 'ENTRYPOINT ["e"]'],
    { Entrypoint: ['e'], Cmd: ['c'] },
    ['CMD ["c"]', 'ENTRYPOINT ["e"]'],
  ],
  [
    'a stage that begins from another takes its command away again',
    ['FROM base AS one', 'CMD ["c"]', 'FROM one', 'ENTRYPOINT ["e"]'],
    { Entrypoint: ['e'], Cmd: undefined },
    ['CMD ["c"]', 'ENTRYPOINT ["e"]'],
  ],
  [
    'a health check, with its times in the history',
    ['FROM scratch', 'HEALTHCHECK --interval=1m30s --retries=2 CMD curl x', 'HEALTHCHECK --timeout=500ms CMD ["a"]'],
    { Healthcheck: { Test: ['CMD', 'a'], Timeout: 500_000_000 } },
    [
      'HEALTHCHECK {Test:[CMD-SHELL curl x] Interval:1m30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:2}',
      'HEALTHCHECK {Test:[CMD a] Interval:0s Timeout:500ms StartPeriod:0s StartInterval:0s Retries:0}',
    ],
  ],
  [
    'none is one as well',
    ['FROM scratch', 'HEALTHCHECK NONE'],
    { Healthcheck: { Test: ['NONE'] } },
    ['HEALTHCHECK {Test:[NONE] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}'],
  ],
  [
    'WORKDIR joins, cleans and follows what is before it',
    ['FROM base', 'WORKDIR a', 'WORKDIR ../b/./c/', 'WORKDIR /'],
    { WorkingDir: '/' },
    ['WORKDIR /home/a [1]', 'WORKDIR /home/b/c [2]', 'WORKDIR /'],
  ],
  [
    'copies tell their sources, expanded, and those flags that docker tells',
    [
      'FROM scratch',
      'ENV d=/x',
      'COPY --chown=1:2 --link a  b $d/',
      'ADD --chmod=700 c.tar .',
      'COPY <<E /f',
      'E',
      'COPY ["a b", "/c"]',
    ],
    {},
    [
      'ENV d=/x',
      'COPY --chown=1:2 a b /x/ # buildkit [2]',
      'ADD --chmod=700 c.tar . # buildkit [3]',
      'COPY <<E /f # buildkit [5]',
      'COPY a b /c # buildkit [6]',
    ],
  ],
  [
    'triggers are kept for those who begin from it',
    ['FROM scratch', 'ONBUILD COPY . /', 'ONBUILD RUN x'],
    { OnBuild: ['COPY . /', 'RUN x'] },
    [],
  ],
]

test.each(table)('%s', async (_, file, config, history, request) => {
  const result = await planned(file, { images, ...request })
  expect({
    ...result.config,
    ...Object.fromEntries(Object.entries(config).filter(([, value]) => value === undefined)),
  }).toMatchObject(config)
  expect(result.history).toEqual(history)
})

test('MAINTAINER is the author', async () => {
  const { output, history } = await planned(['FROM scratch', 'MAINTAINER me <me@x>'])
  expect(output.author).toBe('me <me@x>')
  expect(history).toEqual(['MAINTAINER me <me@x>'])
})

test('triggers of a base are done first, and are not handed on', async () => {
  const trigger = { ...base, OnBuild: ['COPY a /', 'ENV T=$A', 'ENTRYPOINT ["t"]'] }
  const { config, history, operations, output } = await planned(['FROM base', 'ENV A=later', 'LABEL t=$T'], {
    images: { base: trigger },
  })
  expect(operationLines({ operations, output, warnings: [] })).toEqual([
    '0 image base',
    '1 context',
    '2 copy onto 0: 1:a → /',
    'root 2',
  ])
  expect(history).toEqual(['COPY a / # buildkit [2]', 'ENV T=base', 'ENTRYPOINT ["t"]', 'ENV A=later', 'LABEL t=base'])
  expect(config.OnBuild).toBeUndefined()
  expect(config.Cmd).toBeUndefined()
})

test('triggers of a stage are done in the stages that begin from it', async () => {
  const { history } = await planned(['FROM scratch AS a', 'ONBUILD LABEL l=1', 'FROM a AS b', 'FROM b'])
  expect(history).toEqual(['LABEL l=1'])
})

test('a trigger that cannot be read is told at the FROM that brings it', async () => {
  expect(await failureOf('\nFROM base', { images: { base: { OnBuild: ['NOSUCH x'] } } })).toMatch(
    / at line 2: .*NOSUCH/i,
  )
  expect(await failureOf('\nFROM base', { images: { base: { OnBuild: ['COPY https://h/x /'] } } })).toMatch(
    / at line 2: /,
  )
})

test.each([
  ['VOLUME $nothing', /^VOLUME_EMPTY at line 2/],
  ['STOPSIGNAL SIGNOTHING', / at line 2: /],
  ['EXPOSE x', / at line 2: /],
  ['COPY --chmod=u~x a /', / at line 2: /],
] as const)('%s is an error with its line', async (line, message) => {
  expect(await failureOf(`FROM scratch\n${line}`)).toMatch(message)
})

test('the epoch is a number of seconds, and nothing where it is empty', async () => {
  expect((await planned(['FROM scratch'], { args: { SOURCE_DATE_EPOCH: '-5' } })).output.epoch).toBe(-5)
  expect((await planned(['FROM scratch'], { args: { SOURCE_DATE_EPOCH: '' } })).output.epoch).toBeUndefined()
})

test('a stage that begins from another changes nothing of it', async () => {
  const text = [
    'FROM scratch AS a',
    'ENV x=1',
    'LABEL l=1',
    'FROM a AS b',
    'ENV x=2 y=2',
    'LABEL m=2',
    'WORKDIR /b',
    'FROM a',
    'COPY --from=b /b /',
  ]
  const { config, env } = await planned(text)
  expect(env).toEqual({ x: '1' })
  expect(config).toMatchObject({ Labels: { l: '1' }, WorkingDir: '/' })
})
