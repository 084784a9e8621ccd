import { expect, test } from 'vitest'
import { parseImageConfig } from '../../oci/index.ts'
import { sha256 } from '../../support/index.ts'
import { type AssembledLayer, assembleImage, type ImageFacts } from './index.ts'

const platform = { os: 'linux', architecture: 'amd64' }
const [one, two, three] = [sha256('1'), sha256('2'), sha256('3')]

function layer(diffId: `sha256:${string}`, created?: string): AssembledLayer {
  const blob = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: diffId, size: 1024 }
  return { diffId, blob, ...(created === undefined ? {} : { created }) }
}

function facts(more: Partial<ImageFacts> = {}): ImageFacts {
  return { platform, config: {}, history: [], ...more }
}

function config(more: Partial<ImageFacts>, layers: readonly AssembledLayer[] = []): string {
  return assembleImage(facts(more), layers).config.bytes.toString()
}

/** The times of the history; `base` is a document of another builder. */
function times(more: Partial<ImageFacts>, layers: readonly AssembledLayer[]): (string | undefined)[] {
  const document = JSON.parse(config(more, layers)) as { created: string | null; history?: { created?: string }[] }
  expect(document.created).toBe(document.history?.at(-1)?.created ?? null)
  return (document.history ?? []).map(({ created }) => created)
}

function baseWith(history: readonly object[], more: object = {}, layers = 1) {
  const diff_ids = [one, two, three].slice(0, layers)
  return parseImageConfig(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids },
      history,
      ...more,
    }),
    'base',
  )
}

test('the documents of a small image are the expected ones, byte for byte', () => {
  const image = assembleImage(
    facts({
      config: {
        Env: ['PATH=/bin'],
        Cmd: ['/bin/sh'],
        WorkingDir: '/',
        ArgsEscaped: true,
        Labels: { b: '<&>', a: 'ü\u2028' },
      },
      history: [{ createdBy: 'COPY a / # buildkit', layer: 0 }, { createdBy: 'CMD ["/bin/sh"]' }],
      author: 'me',
    }),
    [layer(one, '2026-01-02T03:04:05.120Z')],
  )
  expect(image.config.bytes.toString()).toBe(
    `{"architecture":"amd64","author":"me","config":{"Env":["PATH=/bin"],"Cmd":["/bin/sh"],"WorkingDir":"/","Labels":{"a":"ü\\u2028","b":"\\u003c\\u0026\\u003e"},"ArgsEscaped":true},"created":"2026-01-02T03:04:05.12Z","history":[{"created":"2026-01-02T03:04:05.12Z","created_by":"COPY a / # buildkit","comment":"buildkit.dockerfile.v0"},{"created":"2026-01-02T03:04:05.12Z","created_by":"CMD [\\"/bin/sh\\"]","comment":"buildkit.dockerfile.v0","empty_layer":true}],"os":"linux","rootfs":{"type":"layers","diff_ids":["${one}"]}}`,
  )
  expect(image.config.blob).toEqual({
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: sha256(image.config.bytes),
    size: image.config.bytes.length,
  })
  expect(image.manifest.bytes.toString()).toBe(`{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": {
    "mediaType": "application/vnd.oci.image.config.v1+json",
    "digest": "${image.config.blob.digest}",
    "size": ${image.config.blob.size}
  },
  "layers": [
    {
      "mediaType": "application/vnd.oci.image.layer.v1.tar",
      "digest": "${one}",
      "size": 1024
    }
  ]
}`)
  expect(image.manifest.blob.digest).toBe(sha256(image.manifest.bytes))
})

test('an image without layers and history has no time and no history', () => {
  expect(config({})).toBe(
    '{"architecture":"amd64","config":{},"created":null,"os":"linux","rootfs":{"type":"layers","diff_ids":[]}}',
  )
  expect(JSON.parse(assembleImage(facts(), []).manifest.bytes.toString()).layers).toEqual([])
})

test('a platform comes with its variant and version', () => {
  expect(config({ platform: { os: 'linux', architecture: 'arm', variant: 'v7', osVersion: '1' } })).toBe(
    '{"architecture":"arm","config":{},"created":null,"os":"linux","os.version":"1","rootfs":{"type":"layers","diff_ids":[]},"variant":"v7"}',
  )
})

test('members of the config have the order of docker, what is empty is left out, what is unknown comes last', () => {
  const all = {
    Shell: ['/x'],
    OnBuild: ['RUN x'],
    Healthcheck: { Retries: 1, Interval: 5, Test: ['NONE'] },
    ArgsEscaped: true,
    StopSignal: 'X',
    Labels: { l: '1' },
    WorkingDir: '/',
    Volumes: { '/v': {} },
    Cmd: ['c'],
    Entrypoint: ['e'],
    Env: ['E=1'],
    ExposedPorts: { '1/tcp': {} },
    User: 'u',
  }
  const given = { Unknown: { z: 1, a: 2 }, ...all, Empty: [], Zero: '' } as never
  const { config: made } = JSON.parse(config({ config: given }))
  expect(Object.keys(made)).toEqual([...Object.keys(all).reverse(), 'Unknown'])
  expect(Object.keys(made.Healthcheck)).toEqual(['Test', 'Interval', 'Retries'])
  const empty = { User: '', Env: [], Cmd: [], Labels: {}, ExposedPorts: {}, ArgsEscaped: false }
  expect(config({ config: empty })).toContain('"config":{}')
})

test('maps are sorted by the bytes of their keys, whatever those are', () => {
  const Labels = { '\u{1f600}': '', '\uffee': '', é: '', b: '', Test: '', B: '', Interval: '', __proto__x: '' }
  const made = JSON.parse(config({ config: { Labels } }))
  expect(Object.keys(made.config.Labels)).toEqual([
    'B',
    'Interval',
    'Test',
    '__proto__x',
    'b',
    'é',
    '\uffee',
    '\u{1f600}',
  ])
})

test('what an older builder noted of its container is left behind, what else it said stays', () => {
  const base = baseWith(
    [],
    {
      id: 'x',
      parent: 'y',
      container: 'z',
      container_config: { Cmd: ['x'] },
      docker_version: '17',
      Size: 5,
      'moby.buildkit.cache.v0': 'x',
      'moby.buildkit.buildinfo.v1': 'x',
      'os.features': ['win32k'],
      zz: 1,
    },
    0,
  )
  const old = {
    Hostname: 'h',
    Domainname: '',
    AttachStdin: false,
    Tty: true,
    Image: 'sha256:x',
    Env: ['A=1'],
    NetworkDisabled: true,
  }
  expect(config({ base, config: old as never })).toBe(
    '{"architecture":"amd64","config":{"Env":["A=1"]},"created":null,"os":"linux","os.features":["win32k"],"rootfs":{"type":"layers","diff_ids":[]},"zz":1}',
  )
})

test('the history of the base stays as it is, in the order of members that docker has', () => {
  const base = baseWith([
    { created_by: 'x', created: '2020-01-01T00:00:00.100000000Z', empty_layer: false, comment: '', author: 'a' },
    { created: '2020-01-01T00:00:00Z', empty_layer: true },
  ])
  expect(config({ base }, [layer(one)])).toContain(
    '"history":[{"created":"2020-01-01T00:00:00.100000000Z","created_by":"x","author":"a","comment":""},{"created":"2020-01-01T00:00:00Z","empty_layer":true}]',
  )
})

const [early, mid, late] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', '2026-01-03T00:00:00Z']

test('a line without a layer has the time of the layer after it, at the beginning', () => {
  const history = [
    { createdBy: 'ENV' },
    { createdBy: 'COPY', layer: 0 },
    { createdBy: 'LABEL' },
    { createdBy: 'COPY', layer: 1 },
    { createdBy: 'CMD' },
  ]
  expect(times({ history }, [layer(one, early), layer(two, mid)])).toEqual([early, early, early, mid, mid])
})

test('after a base, lines without a layer have the time of the first new layer', () => {
  const base = baseWith([{ created: early, created_by: 'base' }])
  const history = [{ createdBy: 'ENV' }, { createdBy: 'COPY', layer: 1 }, { createdBy: 'CMD' }]
  expect(times({ base, history }, [layer(one), layer(two, late)])).toEqual([early, late, late, late])
})

test('where nothing new has a layer, the last time of the base counts', () => {
  const base = baseWith([
    { created: early, created_by: 'base' },
    { created: mid, created_by: 'x', empty_layer: true },
  ])
  expect(times({ base, history: [{ createdBy: 'ENV' }] }, [layer(one)])).toEqual([early, mid, mid])
  expect(times({ history: [{ createdBy: 'ENV' }] }, [])).toEqual([undefined])
})

test('a base whose history has no times gives none', () => {
  const base = baseWith([{ created_by: 'base' }])
  expect(times({ base, history: [{ createdBy: 'ENV' }] }, [layer(one)])).toEqual([undefined, undefined])
})

test('no new time is later than the epoch, and times of the base stay', () => {
  const base = baseWith([{ created: late, created_by: 'base' }])
  const history = [{ createdBy: 'ENV' }, { createdBy: 'COPY', layer: 1 }]
  const epoch = Date.parse(mid) / 1000
  expect(times({ base, history, epoch }, [layer(one), layer(two, late)])).toEqual([late, mid, mid])
  expect(times({ history, epoch }, [layer(one, early), layer(two, early)])).toEqual([early, early])
  expect(times({ history: [{ createdBy: 'a', layer: 0 }], epoch: -5 }, [layer(one, early)])).toEqual([
    '1969-12-31T23:59:55Z',
  ])
})

test('fractions of seconds have no zeros at their end, as Go writes them', () => {
  const history = [{ createdBy: 'a', layer: 0 }]
  for (const [said, told] of [
    ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00Z'],
    ['2026-01-01T00:00:00.100Z', '2026-01-01T00:00:00.1Z'],
    ['2026-01-01T00:00:00.001Z', '2026-01-01T00:00:00.001Z'],
    ['2026-01-01T00:00:10Z', '2026-01-01T00:00:10Z'],
  ] as const)
    expect(times({ history }, [layer(one, said)])).toEqual([told])
})

test('a comment that is given is the comment', () => {
  const history = [{ createdBy: '', layer: 0, comment: 'Imported from -' }]
  expect(config({ history }, [layer(one, early)])).toContain('"created_by":"","comment":"Imported from -"')
})

test('the same facts are the same bytes, and what is made can be read again', () => {
  const history = [{ createdBy: 'COPY', layer: 0 }]
  const make = () => assembleImage(facts({ history, config: { Labels: { a: '1' } } }), [layer(one, early)])
  expect(make().config.bytes.equals(make().config.bytes)).toBe(true)
  const read = parseImageConfig(make().config.bytes, 'ours')
  expect(read).toMatchObject({ platform, created: early, diffIds: [one], config: { Labels: { a: '1' } }, rest: {} })
  const again = assembleImage(facts({ base: read, config: read.config }), [layer(one, early)])
  expect(again.config.bytes.equals(make().config.bytes)).toBe(true)
})

test('bytes that are not UTF-8 are U+FFFD in the history, and an escape in the config', () => {
  const text = config({ config: { Cmd: ['caf\udce9'] }, history: [{ createdBy: 'RUN caf\udce9' }] })
  expect(text).toContain('"Cmd":["caf\\ufffd"]')
  expect(text).toContain('"created_by":"RUN caf\ufffd"')
})

test('a config that nobody would read is refused', () => {
  const refused = expect.objectContaining({ code: 'CONFIG_TOO_LARGE' })
  expect(() => config({ config: { Labels: { a: 'x'.repeat(8 << 20) } } })).toThrow(refused)
  expect(config({ config: { Labels: { a: 'x'.repeat(7 << 20) } } }).length).toBeGreaterThan(7 << 20)
})
