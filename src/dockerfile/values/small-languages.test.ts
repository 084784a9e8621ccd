import { expect, test } from 'vitest'
import { formatGoDuration, parseExpose, parseGoDuration, parseStopSignal, suggest } from '../index.ts'
import { cleanPath, quote } from '../language/text.ts'

test.each([
  ['80', ['80/tcp']],
  ['80/tcp', ['80/tcp']],
  ['53/udp', ['53/udp']],
  ['9/sctp', ['9/sctp']],
  ['8000-8002', ['8000/tcp', '8001/tcp', '8002/tcp']],
  ['8000-8001/udp', ['8000/udp', '8001/udp']],
  ['80-80', ['80/tcp']],
  ['80/', ['80/tcp']],
  ['0', ['0/tcp']],
  ['65535', ['65535/tcp']],
])('EXPOSE %s opens %j', (text, ports) => {
  expect(parseExpose(text)).toEqual({ ports, findings: [] })
})

test.each([
  ['80x', 'invalid containerPort: 80x'],
  ['65536', 'invalid containerPort: 65536'],
  ['-1', 'invalid containerPort: -1'],
  ['90-80', 'invalid containerPort: 90-80'],
  ['80-', 'invalid containerPort: 80-'],
  ['1-2-3', 'invalid containerPort: 1-2-3'],
  ['', 'invalid port: "": no port specified'],
  ['/tcp', 'invalid port: "/tcp": no port specified'],
  ['80/foo', 'invalid port: "80/foo": invalid proto: foo'],
  ['x:80', 'invalid hostPort: x'],
  ['1-3:80-81', 'invalid ranges specified for container and host Ports: 80-81 and 1-3'],
  ['localhost:1:2', 'invalid IP address: localhost'],
  ['1.2.3:1:2', 'invalid IP address: 1.2.3'],
  ['[::x]:1:2', 'invalid IP address: ::x'],
])('EXPOSE %s is refused: %s', (text, message) => {
  expect(() => parseExpose(text)).toThrow(expect.objectContaining({ code: 'DOCKERFILE_EXPOSE', message }))
})

test('addresses, ports of the host and protocols in capitals are remarked upon', () => {
  const messages = (text: string): string[] =>
    parseExpose(text).findings.map(({ rule, message }) => `${rule}: ${message}`)
  expect(messages('80/TcP')).toEqual([
    "ExposeProtoCasing: Defined protocol '80/TcP' in EXPOSE instruction should be lowercase",
  ])
  for (const text of ['127.0.0.1:80:80', '[::1]:8080:8080', '5000:5000', '::ffff:1.2.3.4:1:2', '1-9:80']) {
    expect(messages(text)).toEqual([
      `ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '${text}'`,
    ])
  }
  expect(parseExpose('127.0.0.1:80:81/UDP').ports).toEqual(['81/udp'])
})

test.each([
  ['SIGTERM', 15],
  ['term', 15],
  ['sigquit', 3],
  ['9', 9],
  ['RTMIN', 34],
  ['SIGRTMIN+3', 37],
  ['RTMAX-14', 50],
  ['SIGRTMAX', 64],
])('the signal %s is %i', (text, number) => {
  expect(parseStopSignal(text)).toBe(number)
})

test.each(['', '0', 'SIG', 'SIGFOO', 'RTMIN+16', 'RTMIN-1', 'RTMAX-15', '9x', 'toString', ' 9'])(
  '%j is no signal',
  (text) => {
    expect(() => parseStopSignal(text)).toThrow(`invalid signal: ${text}`)
  },
)

test.each([
  ['0', 0, '0s'],
  ['5m', 300e9, '5m0s'],
  ['1h', 3600e9, '1h0m0s'],
  ['1h30m10s', 5410e9, '1h30m10s'],
  ['1.5s', 1.5e9, '1.5s'],
  ['.5s', 0.5e9, '500ms'],
  ['90s', 90e9, '1m30s'],
  ['1500us', 1.5e6, '1.5ms'],
  ['1µs', 1e3, '1µs'],
  ['7ns', 7, '7ns'],
  ['-2s', -2e9, '-2s'],
  ['+2s', 2e9, '2s'],
  ['1m0.000000001s', 60e9 + 1, '1m0.000000001s'],
])('the duration %s is %i ns, printed %s', (text, nanoseconds, printed) => {
  expect(parseGoDuration(text)).toBe(nanoseconds)
  expect(formatGoDuration(nanoseconds)).toBe(printed)
})

test.each([
  ['', 'time: invalid duration ""'],
  ['x', 'time: invalid duration "x"'],
  ['5', 'time: missing unit in duration "5"'],
  ['1m5', 'time: missing unit in duration "1m5"'],
  ['5y', 'time: unknown unit "y" in duration "5y"'],
  ['1d12h', 'time: unknown unit "d" in duration "1d12h"'],
  ['.s', 'time: invalid duration ".s"'],
  ['9999999h', 'time: invalid duration "9999999h"'],
])('%j is no duration', (text, message) => {
  expect(() => parseGoDuration(text)).toThrow(message)
})

test('what was meant is suggested, if it is near', () => {
  expect(suggest('COPPY', ['ADD', 'COPY'], true)).toBe('COPY')
  expect(suggest('coppy', ['ADD', 'COPY'], true)).toBe('copy')
  expect(suggest('frob', ['chown', 'from'])).toBe('from')
  expect(suggest('from', ['from', 'form'])).toBeUndefined()
  expect(suggest('nothing', ['alike'])).toBeUndefined()
})

test.each([
  ['plain', '"plain"'],
  ['a"b\\c', '"a\\"b\\\\c"'],
  ['\n\t\x00\x7f', '"\\n\\t\\x00\\x7f"'],
  ['ü😀', '"ü😀"'],
  ['\u200b\u00a0', '"\\u200b\\u00a0"'],
])('Go would print %j as %s', (text, quoted) => {
  expect(quote(text)).toBe(quoted)
})

test.each([
  ['', '.'],
  ['/', '/'],
  ['//a//b/', '/a/b'],
  ['a/./b/../c', 'a/c'],
  ['../../a', '../../a'],
  ['/../a', '/a'],
  ['a/..', '.'],
])('the path %j is cleaned to %j', (path, clean) => {
  expect(cleanPath(path)).toBe(clean)
})
