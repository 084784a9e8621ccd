import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { checkout, temporaryFolder } from '../../test/kit/cli.ts'
import { fsutil, llb, SolveRequestSchema } from './index.ts'

const folder = join(checkout, 'src/buildkit/messages')
test('the generated messages are those of the .proto files: npm run proto', () => {
  const made = join(temporaryFolder(), 'messages')
  execFileSync(process.execPath, [join(checkout, 'scripts/proto.js'), made], { stdio: 'pipe' })
  const textsOf = (place: string) =>
    Object.fromEntries(readdirSync(place).map((name) => [name, readFileSync(join(place, name), 'utf8')]))
  expect(textsOf(made)).toEqual(textsOf(folder))
})

test.each([
  'message A { optional string a = 1; }',
  'message A { string a = 1 [deprecated = true]; }',
  'message A { reserved 1; }',
  'extend A {}',
  'message A { string a = 1;',
])('what the generator does not know is refused: %s', async (text) => {
  const { parseProto } = (await import(join(checkout, 'scripts/proto/parse.js'))) as {
    parseProto(name: string, text: string): unknown
  }
  expect(parseProto('a.proto', 'syntax = "proto3"; package a; message A { string a = 1; }')).toMatchObject({
    messages: [{ name: 'A' }],
  })
  expect(() => parseProto('a.proto', `syntax = "proto3"; package a; ${text}`)).toThrow(/a\.proto: .* is not read/)
})

// The bytes that BuildKit's own clients send.
test('a source of an image has the bytes that Go writes', () => {
  const op = create(llb.OpSchema, {
    op: { case: 'source', value: { identifier: 'docker-image://docker.io/library/alpine:latest' } },
    platform: { architecture: 'amd64', os: 'linux' },
  })
  expect(Buffer.from(toBinary(llb.OpSchema, op)).toString('latin1')).toBe(
    '\x1a\x30\x0a\x2edocker-image://docker.io/library/alpine:latest\x52\x0e\x0a\x05amd64\x12\x05linux',
  )
})

test('an entry of a tree has the bytes that Go writes', () => {
  const packet = create(fsutil.PacketSchema, {
    type: fsutil.Packet_PacketType.PACKET_STAT,
    stat: { path: 'a', mode: 0o644, size: 3n, modTime: 1_000_000_000n },
  })
  expect(Buffer.from(toBinary(fsutil.PacketSchema, packet)).toString('hex')).toBe(
    '120e0a016110a403280330' + '8094ebdc03',
  )
})

test('a request to solve has the numbers of old and new versions', () => {
  const request = create(SolveRequestSchema, {
    ref: 'r',
    exporter: 'moby',
    session: 's',
    exporters: [{ type: 'moby', attrs: { name: 'n' } }],
  })
  expect(Buffer.from(toBinary(SolveRequestSchema, request)).toString('latin1')).toBe(
    '\x0a\x01r\x1a\x04moby\x2a\x01s\x6a\x11\x0a\x04moby\x12\x09\x0a\x04name\x12\x01n',
  )
})
