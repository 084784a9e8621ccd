import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { isAmong, parseDaemonRules } from './daemon-json.ts'
import { type Endpoint, findEndpoints, type NamedBy } from './endpoints.ts'
import { parseRules, readRules } from './registries-conf.ts'

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tare-conf-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

/** What a configuration makes of a name, as `host/repository`, with a `!` where it is insecure. */
function ends(text: string, name: string, namedBy?: NamedBy) {
  const path = join(folderWith({ conf: text }), 'conf')
  const slash = name.indexOf('/')
  const options = { environment: { CONTAINERS_REGISTRIES_CONF: path }, namedBy }
  const { origin, mirrors } = findEndpoints(name.slice(0, slash), name.slice(slash + 1), options)
  const show = ({ host, repository, insecure }: Endpoint) => `${host}/${repository}${insecure ? '!' : ''}`
  return [...mirrors, origin].map(show)
}

const mirrored = `
[[registry]]
prefix = "docker.io"
location = "mirror.corp:5000/hub"
insecure = true
[[registry.mirror]]
location = "one.corp"
[[registry.mirror]]
location = "two.corp/deep/er"
insecure = true
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "three.corp"
pull-from-mirror = "tag-only"
[[registry]]
location = "docker.io/library/alpine"
[[registry]]
prefix = "*.wild.example/team"
location = "registry-1.docker.io/x"
[[registry]]
prefix = "*.asis.example"
insecure = true
[[registry]]
prefix = "only.digest"
location = "only.digest"
mirror-by-digest-only = true
mirror = [{ location = "m.corp" }]
`

test.each([
  ['docker.io/library/busybox', undefined, ['mirror.corp:5000/hub/library/busybox!']],
  [
    'docker.io/library/busybox',
    'digest',
    ['one.corp/library/busybox', 'two.corp/deep/er/library/busybox!', 'mirror.corp:5000/hub/library/busybox!'],
  ],
  [
    'docker.io/library/busybox',
    'tag',
    ['one.corp/library/busybox', 'three.corp/library/busybox', 'mirror.corp:5000/hub/library/busybox!'],
  ],
  ['docker.io/library/alpine', 'tag', ['docker.io/library/alpine']],
  ['docker.io/library/alpine-more', 'tag', expect.arrayContaining(['one.corp/library/alpine-more'])],
  ['docker.io.example/a', 'tag', ['docker.io.example/a']],
  ['a.wild.example/team/app', 'tag', ['docker.io/x/app']],
  ['a.b.wild.example/team/app', 'tag', ['docker.io/x/app']],
  ['wild.example/team/app', 'tag', ['wild.example/team/app']],
  ['a.wild.example/teams/app', 'tag', ['a.wild.example/teams/app']],
  ['a.asis.example:5000/app', 'tag', ['a.asis.example:5000/app!']],
  ['only.digest/app', 'tag', ['only.digest/app']],
  ['only.digest/app', 'digest', ['m.corp/app', 'only.digest/app']],
] as const)('%s by %s is at %j', (name, namedBy, expected) => {
  expect(ends(mirrored, name, namedBy)).toEqual(expected)
})

test('a blocked registry is reported with file and line, and may have exceptions', () => {
  const path = join(
    folderWith({
      conf: '\n[[registry]]\nprefix = "*.bad.example"\nblocked = true\n[[registry]]\nlocation = "ok.bad.example"\n',
    }),
    'conf',
  )
  const environment = { CONTAINERS_REGISTRIES_CONF: path }
  expect(() => findEndpoints('x.bad.example', 'app', { environment })).toThrow(
    expect.objectContaining({
      code: 'REGISTRY_BLOCKED',
      message: `x.bad.example/app is blocked: ${path}:2 blocks *.bad.example`,
    }),
  )
  expect(() => findEndpoints('x.bad.example', '', { environment })).toThrow('is blocked')
  expect(findEndpoints('ok.bad.example', 'app', { environment }).origin.host).toBe('ok.bad.example')
})

test('the user’s file stands for the system’s, and registries.conf.d adds to it and replaces', () => {
  const rule = (prefix: string, location: string) => `[[registry]]\nprefix = "${prefix}"\nlocation = "${location}"\n`
  const home = folderWith({
    '.config/containers/registries.conf': rule('a.test', 'first.test') + rule('b.test', 'b.test'),
    '.config/containers/registries.conf.d/20.conf': rule('a.test', 'third.test'),
    '.config/containers/registries.conf.d/10.conf': rule('a.test', 'second.test') + rule('c.test', 'c2.test'),
    '.config/containers/registries.conf.d/30.conf~': 'nonsense',
  })
  const found = readRules({ HOME: home }).filter(({ prefix }) => prefix.endsWith('.test'))
  expect(found.map(({ prefix, location }) => `${prefix} ${location}`)).toEqual([
    'a.test third.test',
    'b.test b.test',
    'c.test c2.test',
  ])
})

test('daemon.json gives mirrors to Docker Hub alone, and registries without certificates to all', () => {
  const json = {
    'registry-mirrors': [
      'http://hub.corp:5000',
      'https://second.corp/',
      'https://third.corp/hub',
      'https://third.corp/a/b/',
    ],
    'insecure-registries': ['plain.corp:5000', '10.1.0.0/16', 'fd00::/8'],
  }
  const home = folderWith({ '.config/docker/daemon.json': JSON.stringify(json) })
  const environment = { HOME: home, TARE_INSECURE_REGISTRIES: ' a.corp , second.corp' }
  const find = (host: string) => findEndpoints(host, 'library/a', { environment, namedBy: 'tag' })
  expect(find('docker.io').mirrors).toEqual([
    { host: 'hub.corp:5000', repository: 'library/a', insecure: true, plain: true },
    { host: 'second.corp', repository: 'library/a', insecure: true, plain: false },
    { host: 'third.corp', repository: 'library/a', insecure: false, plain: false, api: '/hub/v2' },
    { host: 'third.corp', repository: 'library/a', insecure: false, plain: false, api: '/a/b/v2' },
  ])
  expect(find('other.corp')).toEqual({
    origin: { host: 'other.corp', repository: 'library/a', insecure: false },
    ...{ mirrors: [], faults: [] },
  })
  for (const host of ['plain.corp:5000', '10.1.2.3:5000', '[fd00::1]:5000', 'a.corp'])
    expect(find(host).origin.insecure).toBe(true)
  for (const host of ['plain.corp', '10.2.2.3', '[fe00::1]', 'b.corp']) expect(find(host).origin.insecure).toBe(false)
  const alone = { ...environment, CONTAINERS_REGISTRIES_CONF: '/dev/null' }
  expect(findEndpoints('docker.io', 'library/a', { environment: alone, namedBy: 'tag' }).mirrors).toEqual([])
})

test.each([
  ['[[registry]]\nblocked = true', 'x:1: a [[registry]] needs a location or a prefix'],
  ['\n[[registry]]\nprefix = "a.test"', 'x:2: the [[registry]] for a.test has no location: only a wildcard needs none'],
  ['[[registry]]\nlocation = "https://a.test"', 'x:1: location = "https://a.test" is not a name without ://'],
  ['[[registry]]\nlocation = "a test"', 'x:1: location = "a test" is not of the form host[:port][/path]'],
  ['[[registry]]\nlocation = "a.test/b:tag"', 'x:1: location = "a.test/b:tag" is not of the form host[:port][/path]'],
  [
    '[[registry]]\nprefix = "a.*.test"\nlocation="b"',
    'x:1: a * is only allowed at the start of a prefix: *.example.com',
  ],
  ['[[registry]]\nlocation = "a"\nblocked = "yes"', 'x:1: blocked must be true or false'],
  ['[[registry]]\nlocation = 1', 'x:1: location is a string'],
  ['[registry]\nlocation = "a"', 'x: registry is written [[registry]]'],
  ['registry = [1]', 'x: registry is written [[registry]]'],
  ['[[registry]]\nlocation = "a"\n[[registry]]\nlocation = "a"', 'x:3: there is a [[registry]] for a already'],
  [
    '[registries.block]\nregistries = ["a"]',
    'x: this is the obsolete version 1 format: use [[registry]] with location',
  ],
] as const)('%j is refused with its line', (text, message) => {
  expect(() => parseRules(text, 'x')).toThrow(expect.objectContaining({ code: 'REGISTRIES_INVALID', message }))
})

test.each([
  ['[[registry.mirror]]\ninsecure = true', 'x:1: a [[registry.mirror]] needs a location'],
  ['[[registry.mirror]]\nlocation = "http://b"', 'x:1: location = "http://b" is not a name without ://'],
  ['[[registry.mirror]]\nlocation = 5', 'x:1: location is a string'],
  ['[[registry.mirror]]\nlocation = "b"\ninsecure = 1', 'x:1: insecure must be true or false'],
  ['[registry.mirror]\nlocation = "b"', 'x:1: registry.mirror is written [[registry.mirror]]'],
  ['mirror = "b"', 'x:1: registry.mirror is written [[registry.mirror]]'],
  [
    '[[registry.mirror]]\nlocation = "b"\npull-from-mirror = "never"',
    'x:1: pull-from-mirror must be one of all, digest-only, tag-only',
  ],
  [
    'mirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "b"\npull-from-mirror = "all"',
    'x:1: pull-from-mirror and mirror-by-digest-only cannot be combined',
  ],
  ['mirror-by-digest-only = "yes"', 'x:1: mirror-by-digest-only must be true or false'],
])('what is wrong with a mirror is told to who asks for its registry, and others go on: %j', (mirror, fault) => {
  const text = `[[registry]]\nlocation = "a.test"\n${mirror}\n[[registry]]\nlocation = "c.test"\nmirror = [{location = "m.test"}]`
  const [rule, other] = parseRules(text, 'x')
  expect(rule).toMatchObject({ prefix: 'a.test', mirrors: [], faults: [fault] })
  expect(other).toMatchObject({ mirrors: [{ location: 'm.test' }], faults: [] })
})

test('a file that is named and not there, or that cannot be read, is an error', () => {
  const folder = folderWith({})
  for (const path of [join(folder, 'none'), folder])
    expect(() => readRules({ CONTAINERS_REGISTRIES_CONF: path })).toThrow(
      expect.objectContaining({ code: 'REGISTRIES_INVALID', message: expect.stringContaining(path) }),
    )
})

test.each([
  ['[]', 'd is not a JSON object'],
  ['{"registry-mirrors": ', 'd is not JSON: '],
  ['{"registry-mirrors": "https://a"}', 'd: registry-mirrors must be a list of strings'],
  ['{"registry-mirrors": ["a.corp"]}', 'd: "a.corp" in registry-mirrors is not a URL such as https://mirror.example'],
  ['{"registry-mirrors": [5]}', 'd: 5 in registry-mirrors is not a URL such as https://mirror.example'],
  ['{"registry-mirrors": ["ftp://a.corp"]}', 'd: "ftp://a.corp" in registry-mirrors is not a URL'],
  [
    '{"registry-mirrors": ["https://a.corp/?x"]}',
    'd: the address of a.corp in registry-mirrors has more than a host, a port and a path',
  ],
  ['{"registry-mirrors": ["https://u:secret@a.corp"]}', 'd: the address of a.corp in registry-mirrors has more'],
  ['{"insecure-registries": [1]}', 'd: insecure-registries must be a list of strings'],
] as const)('daemon.json %s keeps nobody from a registry, and is told for Docker Hub', (text, fault) => {
  const { mirrors, faults } = parseDaemonRules(text, 'd')
  expect(mirrors).toEqual([])
  expect(faults).toEqual([expect.stringContaining(fault)])
  const environment = { HOME: folderWith({ '.config/docker/daemon.json': text }) }
  expect(findEndpoints('docker.io', 'a', { environment, namedBy: 'tag' }).faults).toHaveLength(1)
  expect(findEndpoints('other.corp', 'a', { environment, namedBy: 'tag' }).faults).toEqual([])
  expect(findEndpoints('docker.io', 'a', { environment }).faults).toEqual([])
})

test('one bad mirror of daemon.json leaves the others', () => {
  const { mirrors } = parseDaemonRules('{"registry-mirrors":["x", "https://a.corp"], "insecure-registries": null}', 'd')
  expect(mirrors).toEqual([{ host: 'a.corp', plain: false, api: '/v2' }])
})

const hosts = (text: string, name = 'a.test_5000_', root = '.config/containerd') =>
  folderWith({ [`${root}/certs.d/${name}/hosts.toml`]: text })

test.each(['a.test:5000', 'a.test_5000_', '_default'])('containerd’s hosts.toml in the folder %s is read', (name) => {
  const text = `server = "https://real.test/base"
[host."https://one.test"]
[host."http://two.test:5000/hub"]
  capabilities = ["pull"]
[host."https://three.test/v2/proxy"]
  capabilities = ["pull", "resolve", "push"]
  override_path = true
  skip_verify = true
[host."push-only.test"]
  capabilities = ["push"]
[host."plain-name.test"]
`
  const environment = { HOME: hosts(text, name) }
  const find = (namedBy?: NamedBy) => findEndpoints('a.test:5000', 'app', { environment, namedBy })
  const shared = { repository: 'app', insecure: false, plain: false, namespace: 'a.test:5000' }
  const one = { ...shared, host: 'one.test' }
  const three = { ...shared, host: 'three.test', insecure: true, api: '/v2/proxy' }
  const named = { ...shared, host: 'plain-name.test' }
  expect(find('tag').mirrors).toEqual([one, three, named])
  const two = { ...shared, host: 'two.test:5000', insecure: true, plain: true, api: '/hub/v2' }
  expect(find('digest').mirrors).toEqual([one, two, three, named])
  expect(find().origin).toEqual({
    host: 'real.test',
    repository: 'app',
    insecure: false,
    plain: false,
    api: '/base/v2',
    namespace: 'a.test:5000',
  })
  expect(find().mirrors).toEqual([])
  const alone = { ...environment, CONTAINERS_REGISTRIES_CONF: '/dev/null' }
  expect(findEndpoints('a.test:5000', 'app', { environment: alone, namedBy: 'tag' }).mirrors).toEqual([])
  if (name !== '_default')
    expect(findEndpoints('b.test', 'app', { environment, namedBy: 'tag' })).toEqual({
      origin: { host: 'b.test', repository: 'app', insecure: false },
      ...{ mirrors: [], faults: [] },
    })
})

test.each(['https://one.test', 'https://one.test/', 'https://one.test/v2', 'one.test/v2/'])(
  'a path of hosts.toml may end in /v2 already, and letters be of any case: %s',
  (name) => {
    const text = `[host."${name}"]\ncapabilities = ["Pull", "RESOLVE"]\n[host."https://two.test"]\ncapabilities = []`
    const { mirrors } = findEndpoints('a.test', 'app', { environment: { HOME: hosts(text, 'a.test') }, namedBy: 'tag' })
    expect(mirrors.map(({ host, api }) => [host, api])).toEqual([
      ['one.test', undefined],
      ['two.test', undefined],
    ])
  },
)

test('what hosts.toml says of the registry itself counts for a login, too, where it is not elsewhere', () => {
  const find = (text: string, repository: string) =>
    findEndpoints('a.test', repository, { environment: { HOME: hosts(text, 'a.test') } }).origin
  const said = 'skip_verify = true\n[header]\nx = "y"'
  for (const server of ['', 'server = "https://a.test"\n'])
    for (const repository of ['', 'app'])
      expect(find(server + said, repository)).toMatchObject({ insecure: true, own: { origin: 'https://a.test' } })
  const elsewhere = `server = "https://b.test"\n${said}`
  expect(find(elsewhere, '')).toEqual({ host: 'a.test', repository: '', insecure: false })
  expect(find(elsewhere, 'app')).toMatchObject({ host: 'b.test', own: { origin: 'https://b.test' } })
})

test('Docker Hub’s own server in hosts.toml is Docker Hub', () => {
  const environment = { HOME: hosts('server = "https://registry-1.docker.io"', 'docker.io') }
  expect(findEndpoints('docker.io', 'a', { environment }).origin).toMatchObject({ host: 'docker.io' })
})

test.each([
  ['[host', 'hosts.toml:1: '],
  ['server = 5', 'hosts.toml: 5 in server is not a URL'],
  ['server = "https://"', 'hosts.toml: "https://" in server is not a URL'],
  ['host = 5', 'host is written [host."https://mirror.example"]'],
  ['[host."ftp://x.test"]', '"ftp://x.test" in host is not a URL'],
  [
    '[host."https://x.test"]\ncapabilities = "pull"',
    'the capabilities of host."https://x.test" must be a list of strings',
  ],
  ['[host."https://x.test"]\nskip_verify = "no"', 'skip_verify of host."https://x.test" must be true or false'],
  ['[host]\n"https://x.test" = 1', 'host."https://x.test" is a table'],
  ['[host."https://x.test"]\nca = 5', 'ca of host."https://x.test" is a file, or a list of files'],
  ['[host."https://x.test"]\nclient = [["a", "b", "c"]]', 'client of host."https://x.test" is a file with'],
  ['[host."https://x.test".header]\n"x y" = "z"', 'the header "x y" of host."https://x.test" cannot be sent'],
  ['[host."https://x.test".header]\nx = "y\\r\\nz: 1"', 'the header "x" of host."https://x.test" cannot be sent'],
  ['[host."https://x.test".header]\nContent-Length = "1"', 'the header "Content-Length" of'],
  ['header = "x"', 'header of the registry itself is a table'],
  ['skip_verify = 1', 'skip_verify of the registry itself must be true or false'],
])('what is wrong in hosts.toml is told, and keeps nobody from the registry: %j', (text, fault) => {
  const environment = { HOME: hosts(`${text}\n`, 'a.test') }
  const { origin, mirrors, faults } = findEndpoints('a.test', 'app', { environment, namedBy: 'tag' })
  expect(origin).toMatchObject({ host: 'a.test', repository: 'app' })
  expect(mirrors).toEqual([])
  expect(faults).toEqual([expect.stringContaining(fault)])
})

test('a network that makes no sense holds nobody', () => {
  expect(isAmong('10.0.0.1', ['10.0.0.0/99', 'nonsense/8', '::/0'])).toBe(false)
})

test('a rule that leaves no repository is reported', () => {
  expect(() => ends('[[registry]]\nprefix = "a.test/app"\nlocation = "b.test"', 'a.test/app')).toThrow(
    'leaves no repository for a.test/app',
  )
})
