import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { captureStreams } from '../../../captured-streams.ts'
import { parseFlags } from '../../../flags.ts'
import { buildFlags } from '../build-flags.ts'
import { readAnnotationFlag } from './annotation-flags.ts'
import { nameOfKey, type OutputType, outputKeys, outputTypes, statusOf } from './output-keys.ts'
import { readOutputs } from './read-outputs.ts'

const read = (...args: string[]) =>
  readOutputs({ flags: parseFlags(buildFlags, args).values, streams: captureStreams() })
const image = (more: object = {}) => ({ kind: 'image', ...more })
const archive = (layout: string, to: unknown, more: object = {}) => ({ kind: 'archive', layout, to, ...more })
const stdout = { write: expect.any(Function) }

test.each<[string[], unknown]>([
  [[], undefined],
  [['--load'], [image({ load: true })]],
  [['-o', 'type=docker'], [image({ load: true })]],
  [['-o', 'type=docker', '--load'], [image({ load: true })]],
  [['-o', 'type=image,push=false'], [image()]],
  [['-o', 'type=image,store=true,unpack=1'], [image({ store: true, unpack: true })]],
  [['-o', 'type=docker,dest=a.tar'], [archive('docker', { path: 'a.tar' })]],
  [['-o', 'type=oci,dest=a=b.tar'], [archive('oci', { path: 'a=b.tar' })]],
  [['-o', '"dest=a,b.tar",type=oci'], [archive('oci', { path: 'a,b.tar' })]],
  [
    ['-o', 'type=oci,tar=true,compression=uncompressed,oci-mediatypes=true'],
    [archive('oci', stdout, { compression: 'uncompressed', format: 'oci' })],
  ],
  [['-o', 'type=oci,dest='], [archive('oci', stdout)]],
  [['-o', 'type=oci,dest=-,name=x:1'], [archive('oci', stdout, { names: ['x:1'] })]],
  [
    ['-o', 'type=oci,dest=d,tar=false,compression=zstd,compression-level=9'],
    [archive('oci', { path: 'd' }, { compression: 'zstd', compressionLevel: 9, folder: true })],
  ],
  [['--push', '-t', 'a'], [image({ push: true })]],
  [['--push', '-t', 'a', '-o', 'type=image,compression=zstd'], [image({ push: true, compression: 'zstd' })]],
  [
    ['--push', '-t', 'a', '-o', 'out'],
    [{ kind: 'local', path: 'out' }, image({ push: true })],
  ],
  [['-o', 'type=image,"name=r.io/a:1,r.io/b:2",push=true'], [image({ push: true, names: ['r.io/a:1', 'r.io/b:2'] })]],
  [['-o', 'type=registry,name=r.io/a'], [image({ push: true, names: ['r.io/a'] })]],
  [
    ['-o', 'type=image,name=localhost:5000/a,push-by-digest=true,name-canonical=true,push=true'],
    [image({ push: true, byDigest: true, canonicalName: true, names: ['localhost:5000/a'] })],
  ],
  [
    ['-o', 'type=registry,oci-mediatypes=0,force-compression=TRUE,registry.insecure=t', '-t', 'a'],
    [image({ push: true, format: 'docker', forceCompression: true, insecure: true })],
  ],
  [['-o', 'type=image,dangling-name-prefix=x,prefer-nondist-layers=true'], [image({ danglingPrefix: 'x' })]],
  [['-o', 'out'], [{ kind: 'local', path: 'out' }]],
  [['-o', '-'], [{ kind: 'tar', to: stdout }]],
  [
    ['-o', 'type=local,dest=a,mode=delete,platform-split=false,source-date-epoch=5'],
    [{ kind: 'local', path: 'a', mode: 'delete', platformSplit: false, epoch: 5 }],
  ],
  [['-o', 'type=tar,dest=a.tar'], [{ kind: 'tar', to: { path: 'a.tar' } }]],
  [['-o', 'type=tar'], [{ kind: 'tar', to: stdout }]],
  [['-o', 'type=cacheonly'], [{ kind: 'cacheonly' }]],
  [
    ['-o', 'type=oci,dest=a,annotation.A.b=1,annotation-index[x].K=2'],
    [
      archive(
        'oci',
        { path: 'a' },
        {
          annotations: [
            { key: 'A.b', value: '1' },
            { key: 'K', value: '2', on: 'index', platform: 'x' },
          ],
        },
      ),
    ],
  ],
  [
    ['-o', 'type=image,annotation-manifest[linux/arm/v7].Key=a=b'],
    [image({ annotations: [{ key: 'Key', value: 'a=b', on: 'manifest', platform: 'linux/arm/v7' }] })],
  ],
])('%j is written where it says', (args, expected) => {
  expect(read(...args).outputs).toEqual(expected)
})

test('what is about the whole image is told apart from the outputs', () => {
  expect(read('-o', 'type=image,rewrite-timestamp=true,source-date-epoch=7')).toMatchObject({
    ...{ rewriteTimestamp: true, epoch: 7, toStdout: false },
  })
  expect(read('-o', 'type=local,dest=a,source-date-epoch=7')).toMatchObject({ epoch: undefined })
  expect(read('-o', 'type=oci', '-o', 'type=local,dest=a')).toMatchObject({ toStdout: true })
})

test.each<[string[], string]>([
  [['-o', 'type=image,name=a:1,push=true', '-t', 'b'], 'named by -t and by name= of --output'],
  [['-o', 'type=registry,compression=estargz', '-t', 'a'], 'layers in eStargz cannot be made'],
  [['-o', 'type=registry,compression=lz4', '-t', 'a'], 'it is gzip or zstd or uncompressed'],
  [['-o', 'type=registry,push=maybe', '-t', 'a'], 'non-bool value specified for push'],
  [['-o', 'type=registry,push=false', '-t', 'a'], 'a registry is pushed to'],
  [['-o', 'type=image,compression-level=x'], 'it is no whole number'],
  [['-o', 'dest=out'], 'type is required for output'],
  [['-o', 'a,b'], 'invalid value a'],
  [['-o', 'type=oci,dest'], 'invalid value dest'],
  [['-o', 'type=oci,"dest=out'], 'misplaced quote'],
  [['-o', 'type=local'], 'dest is required'],
  [['-o', 'type=local,dest=-'], 'dest cannot be stdout'],
  [['-o', 'type=local,dest=a,mode=merge'], 'it is copy or delete'],
  [['-o', 'type=docker,tar=false'], 'a folder needs a dest'],
  [['-o', 'type=oci,dest=-,tar=false'], 'a folder needs a dest'],
  [['-o', 'type=nonsense'], 'exporter "nonsense" could not be found'],
  [['-o', 'type=image,colour=red'], 'there is no key colour'],
  [['-o', 'type=image,toString=red'], 'there is no key tostring'],
  [['-o', 'type=docker,dest=a,context=other'], 'is refused: there is no daemon'],
  [['-o', 'type=local,dest=a,attestation-inline=true'], 'is refused: it has no index in which'],
  [['-o', 'type=tar,dest=a,annotation-index.k=v'], 'is refused: it has no index'],
  [['-o', 'type=docker,dest=a,annotation-index-descriptor.k=v'], 'is refused: only index.json of the type oci'],
  [['-o', 'type=image,dest=x'], 'is refused: the type image has no use for it'],
  [['-o', 'type=local,dest=x,annotation.a=b'], 'is refused'],
  [['-o', 'type=image,annotation-layer.a=b'], 'there is no key annotation-layer.a'],
  [['-o', 'type=image,annotation[.a=b'], 'there is no key'],
  [
    ['-o', 'type=image,source-date-epoch=1', '-o', 'type=oci,source-date-epoch=2'],
    'several values of source-date-epoch',
  ],
])('%j is refused, and says what', (args, message) => {
  expect(() => read(...args)).toThrow(message)
})

const samples: Readonly<Record<string, string>> = {
  ...{ dest: 'x', name: 'a', 'dangling-name-prefix': 'a', compression: 'gzip', 'compression-level': '3', mode: 'copy' },
  ...{ 'source-date-epoch': '1', context: 'default', tar: 'true' },
}

describe('the table of keys', () => {
  const rows = Object.entries(outputKeys).flatMap(([key, one]) =>
    outputTypes.map((type) => [type, key, statusOf(one, type)] as [OutputType, string, string]),
  )
  test.each(rows)('type=%s,%s is %s', (type, key, status) => {
    const needed = type === 'local' && key !== 'dest' ? ',dest=x' : ''
    const field = key.endsWith('.') ? `${key}K=v` : `${key}=${samples[key] ?? 'true'}`
    const line = () => read('-o', `type=${type},${field}${needed}`)
    if (status === 'refused') expect(line).toThrow('is refused')
    else expect(line).not.toThrow()
  })
})

test('the page of outputs shows the table', () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../../../../docs/outputs.md'), 'utf8')
  const shown = [...page.matchAll(/^\| `([^`]+)` \|((?: (?:done|ignored|refused) \|){6})/gm)]
  const expected = Object.entries(outputKeys).map(([key, one]) => [
    key.endsWith('.') ? `${key}KEY` : key,
    outputTypes.filter((type) => type !== 'cacheonly').map((type) => statusOf(one, type)),
  ])
  expect(shown.map(([, key, cells]) => [key, cells!.match(/\w+/g)])).toEqual(expected)
})

test('a key of an annotation has the name of its kind', () => {
  expect(nameOfKey('annotation-index[linux/amd64].a.b')).toBe('annotation-index.')
  expect(nameOfKey('annotation.K')).toBe('annotation.')
  expect(nameOfKey('annotation')).toBe('annotation')
  expect(nameOfKey('name')).toBe('name')
})

test.each<[string, unknown]>([
  ['k=v', [{ key: 'k', value: 'v' }]],
  ['k=', [{ key: 'k', value: '' }]],
  ['index:k=a:b=c', [{ key: 'k', value: 'a:b=c', on: 'index' }]],
  [
    'index,manifest[linux/arm64]:k=v',
    [
      { key: 'k', value: 'v', on: 'index' },
      { key: 'k', value: 'v', on: 'manifest', platform: 'linux/arm64' },
    ],
  ],
])('the annotation %s is %j', (text, expected) => {
  expect(readAnnotationFlag(text)).toEqual(expected)
})

test.each([
  ['k', 'expected key=value'],
  ['=v', 'expected key=value'],
  ['index:=v', 'expected key=value'],
  ['layer:k=v', 'unknown annotation type "layer"'],
  ['index,:k=v', 'invalid annotation type ""'],
  ['manifest[linux:k=v', 'invalid annotation type "manifest[linux"'],
])('the annotation %s is refused', (text, message) => {
  expect(() => readAnnotationFlag(text)).toThrow(message)
})
