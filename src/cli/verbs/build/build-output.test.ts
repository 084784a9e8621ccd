import { expect, test } from 'vitest'
import { captureStreams } from '../../captured-streams.ts'
import { parseFlags } from '../../flags.ts'
import { buildFlags } from './build-flags.ts'
import { readOutputs } from './build-output.ts'

const outputs = (...args: string[]) =>
  readOutputs({ flags: parseFlags(buildFlags, args).values, streams: captureStreams() })
const push = (options: object, names: readonly string[] = []) => ({ kind: 'push', names, options })

test.each<[string[], unknown]>([
  [['--load'], [{ kind: 'load', names: [] }]],
  [['-o', 'type=docker'], [{ kind: 'load', names: [] }]],
  [['-o', 'type=docker', '--load'], [{ kind: 'load', names: [] }]],
  [['-o', 'type=image,push=false'], [{ kind: 'store', names: [] }]],
  [['-o', 'type=image,store=true,unpack=1'], [{ kind: 'load', names: [] }]],
  [['-o', 'type=docker,dest=a.tar'], [{ kind: 'archive', format: 'docker', to: 'a.tar', names: [] }]],
  [['-o', 'type=oci,dest=a=b.tar'], [{ kind: 'archive', format: 'oci', to: 'a=b.tar', names: [] }]],
  [['-o', '"dest=a,b.tar",type=oci'], [{ kind: 'archive', format: 'oci', to: 'a,b.tar', names: [] }]],
  [
    ['-o', 'type=oci,tar=true,compression=uncompressed,oci-mediatypes=true'],
    [{ kind: 'archive', format: 'oci', to: '-', names: [] }],
  ],
  [['-o', 'type=oci,dest='], [{ kind: 'archive', format: 'oci', to: '-', names: [] }]],
  [['-o', 'type=oci,name=x:1'], [{ kind: 'archive', format: 'oci', to: '-', names: ['x:1'] }]],
  [['--push', '-t', 'a'], [push({})]],
  [['--push', '-t', 'a', '-o', 'type=image'], [push({})]],
  [['--push', '-t', 'a', '-o', 'type=image,compression=zstd'], [push({ compression: 'zstd' })]],
  [['-o', 'type=image,push=1,name=r.io/a:1'], [push({}, ['r.io/a:1'])]],
  [['-o', 'type=image,"name=r.io/a:1,r.io/b:2",push=true'], [push({}, ['r.io/a:1', 'r.io/b:2'])]],
  [['-o', 'type=registry,name=r.io/a'], [push({}, ['r.io/a'])]],
  [
    ['-o', 'type=image,name=localhost:5000/a,push-by-digest=true,name-canonical=true,push=true'],
    [push({ byDigest: true, keepDigestName: true }, ['localhost:5000/a'])],
  ],
  [['-o', 'type=image,push-by-digest=true,push=true', '-t', 'r.io/a'], [push({ byDigest: true })]],
  [
    ['-o', 'type=registry,compression=zstd,compression-level=9,oci-mediatypes=true', '-t', 'a'],
    [push({ compression: 'zstd', compressionLevel: 9, format: 'oci' })],
  ],
  [
    ['-o', 'type=registry,oci-mediatypes=0,force-compression=TRUE,registry.insecure=t', '-t', 'a'],
    [push({ format: 'docker', forceCompression: true, insecure: true })],
  ],
])('%j is written where it says', (args, expected) => {
  expect(outputs(...args).all).toEqual(expected)
})

test('names of outputs are names of the image, but those that are only a place for a digest', () => {
  const byDigest = 'type=image,name=r.io/c,push-by-digest=true,push=true'
  expect(outputs('-o', 'type=image,name=r.io/a:1,push=true', '-o', 'type=oci,name=b', '-o', byDigest).tags).toEqual([
    'r.io/a:1',
    'b',
  ])
  expect(outputs('-o', 'type=image,rewrite-timestamp=true')).toMatchObject({ rewriteTimestamp: true, load: false })
})

test.each<[string[], string]>([
  [['--push'], 'tag is needed when pushing to registry'],
  [['-o', 'type=image,push=true'], 'tag is needed when pushing to registry'],
  [['-o', 'type=image,name=a:1,push=true', '-t', 'b'], 'named by -t and by name= of --output'],
  [['-o', 'type=image,name=r.io/a:1,push-by-digest=true,push=true'], "can't push tagged ref r.io/a:1 by digest"],
  [['-o', 'type=image,push-by-digest=true,push=true', '-t', 'a:1'], "can't push tagged ref a:1 by digest"],
  [['-o', 'type=registry,compression=estargz', '-t', 'a'], '--output type=registry,compression=estargz is not'],
  [['-o', 'type=registry,push=maybe', '-t', 'a'], 'non-bool value specified for push'],
  [['-o', 'out'], '--output type=local is not supported'],
  [['-o', '-'], '--output type=tar is not supported'],
  [['-o', 'dest=out'], 'type is required for output'],
  [['-o', 'type=oci,dest'], 'invalid value dest'],
  [['-o', 'type=oci,"dest=out'], 'misplaced quote'],
  [['-o', 'type=local,dest=out'], '--output type=local is not supported'],
  [['-o', 'type=nonsense'], 'exporter "nonsense" could not be found'],
  ...[
    ...['type=docker,tar=false', 'type=oci,tar=false', 'type=oci,compression=gzip', 'type=oci,compression-level=3'],
    ...['type=docker,context=other', 'type=docker,oci-mediatypes=false', 'type=oci,force-compression=true'],
    ...['type=image,compression=zstd', 'type=image,dest=x', 'type=image,store=false', 'type=image,push-by-digest=true'],
    ...['type=image,name-canonical=true', 'type=image,dangling-name-prefix=x', 'type=image,annotation.a=b'],
    ...['type=registry,name-canonical=true,name=a', 'type=registry,prefer-nondist-layers=true,name=a'],
    ...['type=image,oci-artifact=true', 'type=image,attestation-prefix=x', 'type=image,colour=red'],
  ].map((text): [string[], string] => [['-o', text], `--output type=${/=(\w+)/.exec(text)![1]},`]),
])('%j is refused, and says what', (args, message) => {
  expect(() => outputs(...args)).toThrow(message)
})
