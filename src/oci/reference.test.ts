import { expect, test } from 'vitest'
import {
  compatiblePlatforms,
  familiarName,
  formatPlatform,
  formatReference,
  goJson,
  matchPlatform,
  parsePlatform,
  parseReference,
} from './index.ts'

const digest = `sha256:${'a'.repeat(64)}`
const local = { os: 'linux', architecture: 'amd64' }

test.each([
  ['alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['alpine:3.19.1', 'docker.io/library/alpine:3.19.1', 'alpine:3.19.1'],
  ['me/app', 'docker.io/me/app:latest', 'me/app:latest'],
  ['index.docker.io/me/app', 'docker.io/me/app:latest', 'me/app:latest'],
  ['localhost/app', 'localhost/app:latest', 'localhost/app:latest'],
  ['127.0.0.1:5000/a/b:c', '127.0.0.1:5000/a/b:c', '127.0.0.1:5000/a/b:c'],
  ['[::1]:5000/a', '[::1]:5000/a:latest', '[::1]:5000/a:latest'],
  ['Upper/app', 'Upper/app:latest', 'Upper/app:latest'],
  [`alpine@${digest}`, `docker.io/library/alpine@${digest}`, `alpine@${digest}`],
  [`alpine:3@${digest}`, `docker.io/library/alpine:3@${digest}`, `alpine:3@${digest}`],
  ['a__b/c.d-e---f', 'docker.io/a__b/c.d-e---f:latest', 'a__b/c.d-e---f:latest'],
])('the name %s stands for %s', (text, full, familiar) => {
  const name = parseReference(text)
  expect(formatReference(name)).toBe(full)
  expect(familiarName(name)).toBe(familiar)
})

test.each([
  '',
  'Alpine',
  'a/B',
  'a:',
  'a:-x',
  'a b',
  'a@sha256:1',
  'a//b',
  '/a',
  'a/',
  'a___b',
  'f'.repeat(64),
  `${'a/'.repeat(130)}b`,
  'a@b@c',
])('%j is no name', (text) => {
  expect(() => parseReference(text)).toThrow(/invalid reference format/)
})

test.each([
  ['linux/aarch64', 'linux/arm64'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['arm64', 'linux/arm64'],
  ['linux/arm', 'linux/arm/v7'],
  ['linux/arm/6', 'linux/arm/v6'],
  ['armhf', 'linux/arm/v7'],
  ['linux/x86_64', 'linux/amd64'],
  ['linux/amd64/v1', 'linux/amd64'],
  ['windows', 'windows/amd64'],
  ['windows(10.0.17763)/amd64', 'windows/amd64'],
])('the platform %s is %s', (text, normal) => {
  expect(formatPlatform(parsePlatform(text, local))).toBe(normal)
})

test.each(['', 'linux/*', 'a/b/c/d', 'nonsense', 'linux/', 'lin ux/amd64'])('%j is no platform', (text) => {
  expect(() => parsePlatform(text, local)).toThrow(/invalid platform/)
})

test('an arm/v7 machine runs v7, then v6, then v5, and nothing else', () => {
  expect(compatiblePlatforms({ os: 'linux', architecture: 'arm', variant: 'v7' }).map(formatPlatform)).toEqual([
    'linux/arm/v7',
    'linux/arm/v6',
    'linux/arm/v5',
  ])
  expect(
    matchPlatform({ os: 'linux', architecture: 'arm', variant: 'v7' }, { os: 'linux', architecture: 'arm64' }),
  ).toBeUndefined()
  expect(matchPlatform({ os: 'linux', architecture: 'amd64' }, { os: 'linux', architecture: '386' })).toBe(1)
})

test('JSON has the escapes of Go', () => {
  expect(goJson({ a: '<&>\u2028', b: undefined })).toBe('{"a":"\\u003c\\u0026\\u003e\\u2028"}')
})

test('a byte that is not UTF-8 is written as Go does, and a real U+FFFD as itself', () => {
  expect(goJson(['a\udce9\ufffdb', '\\udce9', '\udcff\udcfe', '😀', ''])).toBe(
    '["a\\ufffd\ufffdb","\\\\udce9","\\ufffd\\ufffd","😀",""]',
  )
})

test.each([
  ['My/App:1', 'my/app:1'],
  ['My/App:RC1', 'my/app:RC1'],
  ['App', 'app'],
  ['Registry.example.com/Team/App:1', 'Registry.example.com/team/app:1'],
  ['localhost:5000/APP', 'localhost:5000/app'],
])('%s is told that names are lower case', (text, written) => {
  expect(() => parseReference(text)).toThrow(
    expect.objectContaining({ remedy: `Names are lower case: write ${written}.`, code: 'REFERENCE_INVALID' }),
  )
})
