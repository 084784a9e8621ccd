import { expect, test } from 'vitest'
import { exploredImage, type Given } from '../../../test/kit/explored-image.ts'
import { textWidth } from '../text/width.ts'
import { decodeKeys } from './decode-keys.ts'
import { drawScreen } from './draw-screen.ts'
import { pressKey, type Request } from './press-key.ts'
import { choose, type State, startState } from './state.ts'
import { themeOf } from './theme.ts'

const theme = themeOf({})
const plain = (line: string) => line.replace(/\x1b\[[\d;]*[mG]/g, '')
const size = { columns: 80, rows: 24 }

function open(layers: readonly Readonly<Record<string, Given>>[], given = size): State {
  return startState(exploredImage(layers), given)
}

/** Presses keys as a terminal sends them. */
function press(state: State, text: string): State {
  const { keys, rest } = decodeKeys(text)
  return [...keys, ...(rest === '\x1b' ? ['escape'] : [])].reduce((now, key) => {
    const next = pressKey(now, key)
    if (typeof next === 'string') throw new Error(`${JSON.stringify(key)} ${next}s`)
    return next
  }, state)
}

const screen = (state: State) => drawScreen(state, theme).map(plain)
/** The rows of the tree as they are shown, without what is left of them. */
const tree = (state: State) =>
  screen(state)
    .slice(1, 1 + state.layout.tree)
    .map((line) => line.slice(state.layout.left === 0 ? 0 : state.layout.left + 1).trimEnd())
    .filter((line) => line !== '')

const layers = [
  { 'bin/sh': [1000], 'etc/': {}, 'etc/passwd': [30], 'etc/hosts': [7], 'usr/share/doc/readme': [5] },
  { 'etc/hosts': [9], 'etc/new': [2], 'usr/share/doc': { kind: 'remove' } },
  { 'etc/passwd': [31, 'other'], app: { size: 4, mode: 0o4755, uid: 10, gid: 20 } },
] as const

test('layers are on the left, the tree of the chosen one on the right, and changes have signs', () => {
  const state = press(open(layers), 'j')
  expect(screen(state)[0]).toMatch(/^─ ● Layers ─+│─ Changes of layer 2 ─+$/)
  expect(screen(state)[2]).toMatch(/^ 2 +11B +COPY 2 \/ +│/)
  expect(tree(state)).toEqual([
    ...['      1kB ▸ bin/', '~     41B ▾ etc/', '~      9B     hosts', '+      2B     new', '      30B     passwd'],
    ...['~      0B ▾ usr/', '~      0B   ▾ share/', '-      5B     ▾ doc/', '-      5B         readme'],
  ])
  expect(screen(state).at(-2)).toBe(' +1 added  ~1 changed  =0 rewritten  -1 removed  2 same'.padEnd(80))
})

test('^A and ^L in the layers choose what is marked: all changes since the first layer, or those of one', () => {
  const state = press(open(layers), 'jj')
  expect(tree(state)).toContain('       9B     hosts')
  const all = press(state, '\x01')
  expect(screen(all)[0]).toContain('Changes of layers 2 to 3')
  expect(tree(all)).toEqual(expect.arrayContaining(['~      9B     hosts', '~     31B     passwd', '+      4B   app']))
  expect(tree(press(all, '\x0c'))).toEqual(tree(state))
})

test("dive's keys hide and show added, removed, changed and same files; only directories on the way to others stay", () => {
  const state = press(open(layers), 'j\t')
  const names = (keys: string) => tree(press(state, keys)).map((line) => line.slice(9).trim().replace(/^▾ /, ''))
  expect(names('\x15')).toEqual(['etc/', 'hosts', 'new', 'usr/', 'share/', 'doc/', 'readme'])
  expect(names('\x15\x01')).toEqual(['etc/', 'hosts', 'usr/', 'share/', 'doc/', 'readme'])
  expect(names('\x15\x12')).toEqual(['etc/', 'hosts', 'new'])
  expect(names('\x15\r\x12')).toEqual(['etc/', 'new'])
  expect(names('\x15\r\x12\x01')).toEqual(['matches.'])
  expect(names('\x15\x15')).toEqual(tree(state).map((line) => line.slice(9).trim().replace(/^▾ /, '')))
})

test('directories open and close: one, all, and by going out of them', () => {
  const state = press(open(layers), '\t')
  const closed = tree(press(state, '\x00\x00'))
  expect(closed).toEqual([
    expect.stringMatching(/▸ bin\//),
    expect.stringMatching(/▸ etc\//),
    expect.stringMatching(/▸ usr\//),
  ])
  expect(tree(press(state, '\x00\x00j '))).toHaveLength(5)
  expect(tree(press(state, '\x00\x00j  '))).toEqual(closed)
  // Out of a file to its directory, which then closes.
  const inside = press(state, '\x00jjj')
  expect(inside.image.paths.name[inside.path]).toBe('hosts')
  const outside = press(inside, 'h')
  expect(outside.image.paths.name[outside.path]).toBe('etc')
  expect(tree(press(outside, 'h'))).toHaveLength(tree(outside).length - 2)
})

test('a search shows what it finds while it is typed, until it is given up', () => {
  const state = press(open(layers), '/pass')
  expect(screen(state).at(-2)).toMatch(/^ Search: pass +1 found/)
  expect(tree(state).map((line) => line.slice(9).trim())).toEqual(['▾ etc/', 'passwd'])
  // What has keys elsewhere is text here, as is a regular expression.
  expect(tree(press(state, '\x7f\x7f\x7f\x7f(q|hosts)$\r'))).toEqual(tree(press(open(layers), '\x06hosts\r')))
  const kept = press(state, '\rn')
  expect(kept.image.paths.name[kept.path]).toBe('passwd')
  expect(tree(press(kept, '\x1b')).length).toBeGreaterThan(2)
  expect(tree(press(state, '\x1b')).length).toBeGreaterThan(2)
})

test('sizes sort, and modes and owners can be seen; the path under the cursor has its details', () => {
  const state = press(open(layers), 'jj\t')
  expect(tree(press(state, '\x0f')).map((line) => line.trim().split(' ').at(-1))[0]).toBe('bin/')
  const attributes = tree(press(state, '\x02'))
  expect(attributes[0]).toBe('+ -rwsr-xr-x 10:20      4B   app')
  expect(attributes[1]).toBe('  drwxr-xr-x 0:0       1kB ▸ bin/')
  const details = screen(press(state, 'g'))
    .slice(-4, -2)
    .map((line) => line.slice(state.layout.left + 1).trimEnd())
  expect(details).toEqual([' /app', ' -rwsr-xr-x 10:20 · 4 bytes · added, la…'])
  expect(screen(choose(press(state, 'g'), { size: { columns: 200, rows: 50 } })).join('\n')).toContain(
    '-rwsr-xr-x 10:20 · 4 bytes · added, layer 3 · 2023-11-14 22:13:20',
  )
})

test('what is wasted has a page, as have the keys', () => {
  const state = open(layers)
  expect(screen(press(state, 'w')).join('\n')).toMatch(/30B +1x replaced +\/etc\/passwd/)
  expect(screen(press(state, 'w')).join('\n')).toMatch(/5B +1x removed +\/usr\/share\/doc\/readme/)
  expect(screen(press(state, '?')).join('\n')).toMatch(/\^U +files: hide or show added, removed, changed, and those/)
  for (const keys of ['w\x1b', 'wq', 'ww', '?q', '??']) expect(screen(press(state, keys))).toEqual(screen(state))
})

test('q and ^C quit, ^Z suspends; in a search, only letters are letters', () => {
  const state = open(layers)
  const requests: [string, Request][] = [
    ['q', 'quit'],
    ['ctrl-c', 'quit'],
    ['ctrl-z', 'suspend'],
  ]
  for (const [key, request] of requests) expect(pressKey(state, key)).toBe(request)
  expect(press(state, '/q').filter).toBe('q')
  expect(pressKey(press(state, '/q'), 'ctrl-c')).toBe('quit')
})

test('names cannot steer the terminal, and every line is as wide as the screen, whatever is in it', () => {
  const hostile = [
    '\x1b[2J\x07',
    'a\tb\nc',
    '\u202etxt.exe',
    '漢字かな',
    'e\u0301',
    '\udcff',
    '👩‍👩‍👧',
    '<script>alert(1)</script>',
  ]
  const names = Object.fromEntries(hostile.map((name) => [name, [1] as const]))
  const image = exploredImage([{ ...names, link: { kind: 'symlink', link: '\x1b]0;x\x07' } }], ['RUN \x1b[31m\u2066'])
  for (const columns of [20, 33, 59, 60, 61, 80, 200])
    for (const keys of ['', '\t', 'w', '?', '/\x1b[']) {
      const lines = drawScreen(press(startState(image, { columns, rows: 24 }), keys), theme)
      expect(lines).toHaveLength(24)
      for (const line of lines) {
        expect(plain(line)).not.toMatch(
          /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udbff](?![\udc00-\udfff])/,
        )
        expect(textWidth(plain(line)), JSON.stringify(line)).toBe(columns)
      }
    }
  const all = drawScreen(press(startState(image, { columns: 200, rows: 40 }), '\t'), theme)
    .map(plain)
    .join('\n')
  for (const name of ['\\x1b[2J\\x07', 'a\\x09b\\x0ac', '\\u202etxt.exe', '漢字かな', '\\xff', 'link → \\x1b]0;x\\x07'])
    expect(all).toContain(name)
})

test('a narrow screen shows one side, a low one no details, and the smallest says so', () => {
  const narrow = open(layers, { columns: 40, rows: 24 })
  expect(screen(narrow)[0]).toMatch(/^─ ● Layers ─+$/)
  expect(screen(press(narrow, '\t'))[0]).toMatch(/^─ ● Changes of layer 1 ─+$/)
  for (const rows of [6, 8, 10, 12, 14])
    expect(screen(press(open(layers, { columns: 80, rows }), '\t'))).toHaveLength(rows)
  expect(screen(open(layers, { columns: 19, rows: 5 }))[0]).toContain('Too small')
  expect(screen(open(layers, { columns: 3, rows: 1 }))).toHaveLength(1)
})

test('images without layers or files can be looked at', () => {
  const keys = ['', 'j', 'k', '\t', '\tj ', '\x01', '\t\x01', 'w', '/x', '\t\x0f\x02hl', 'G', '\tG']
  for (const given of [[], [{}], [{ a: [0] as const }]])
    for (const one of keys) expect(screen(press(open(given), one))).toHaveLength(24)
})

test('without colors the signs stay, and without UTF-8 the lines are ASCII', () => {
  const state = press(open(layers), 'j')
  const bare = drawScreen(state, themeOf({ NO_COLOR: '1', LANG: 'C' })).join('\n')
  expect(bare).not.toMatch(/\x1b\[3\dm/)
  expect(bare.replace(/\x1b\[[\d;]*[mG]/g, '')).toMatch(/^[\n -~]*$/)
  expect(drawScreen(state, themeOf({ LANG: 'en_US.UTF-8' })).join('\n')).toMatch(/\x1b\[32m/)
})

test('lists scroll with the cursor, in tens of thousands of rows as well', () => {
  const many = Object.fromEntries(
    Array.from({ length: 20_000 }, (_, i) => [`f${String(i).padStart(5, '0')}`, [1] as const]),
  )
  const state = press(open(Array.from({ length: 30 }, (_, i) => (i === 0 ? many : { [`g${i}`]: [1] as const }))), '\tG')
  expect(tree(state).at(-1)).toContain('f19999')
  expect(tree(press(state, 'u')).at(-1)).toContain('f19999')
  expect(tree(press(state, 'uk'))[0]).toContain('f19981')
  expect(tree(press(state, 'g'))[0]).toContain('f00000')
  const layered = press(state, '\tG')
  expect(layered.layer).toBe(30)
  expect(
    screen(layered)
      .slice(1, 1 + layered.layout.layers)
      .at(-1),
  ).toMatch(/^ 30 /)
})
