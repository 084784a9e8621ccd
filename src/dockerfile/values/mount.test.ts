import { expect, test } from 'vitest'
import { parseMount } from '../index.ts'

const bind = { type: 'bind', readonly: true, sharing: 'shared', required: false }

test.each([
  ['target=/x', { ...bind, target: '/x' }],
  ['dst=/x,src=a,from=b,rw', { ...bind, target: '/x', source: 'a', from: 'b', readonly: false }],
  ['Destination=/x,SOURCE=a,readwrite=false', { ...bind, target: '/x', source: 'a' }],
  ['"target=/a,b",ro', { ...bind, target: '/a,b' }],
  ['type=CACHE,target=/c', { ...bind, type: 'cache', target: '/c', readonly: false }],
  [
    'type=cache,id=i,target=/c,sharing=Locked,mode=0700,uid=1,gid=2,readonly=true',
    { ...bind, type: 'cache', id: 'i', target: '/c', sharing: 'locked', mode: 0o700, uid: 1, gid: 2 },
  ],
  ['type=tmpfs,target=/t,size=64m', { ...bind, type: 'tmpfs', target: '/t', readonly: false, size: 64 * 1024 * 1024 }],
  ['type=tmpfs,target=/t,size=1.5KiB', { ...bind, type: 'tmpfs', target: '/t', readonly: false, size: 1536 }],
  ['type=secret,id=s,required', { ...bind, type: 'secret', id: 's', required: true }],
  ['type=secret,id=s,env=TOKEN,required=0', { ...bind, type: 'secret', id: 's', env: 'TOKEN' }],
  ['type=ssh,mode=600', { ...bind, type: 'ssh', mode: 0o600 }],
])('--mount=%s is read with its defaults', (value, mount) => {
  expect(parseMount(value)).toEqual(mount)
})

test.each([
  ['type=foo', 'unsupported mount type "foo"'],
  ['type=bnd', 'unsupported mount type "bnd" (did you mean bind?)'],
  ['taget=/x', "unexpected key 'taget' in 'taget=/x' (did you mean target?)"],
  ['target', "invalid field 'target' must be a key=value pair"],
  ['required,type=secret', "unexpected key 'required' for mount type 'bind'"],
  ['required=true', "unexpected key 'required' for mount type 'bind'"],
  ['type=cache,size=1', "unexpected key 'size' for mount type 'cache'"],
  ['type=tmpfs,size=x', 'invalid value for size: x'],
  ['ro=maybe', 'invalid value for ro: maybe'],
  ['type=cache,sharing=all', 'unsupported sharing value "all"'],
  ['sharing=locked', 'invalid cache sharing set for bind mount'],
  ['type=cache,mode=9', 'invalid value 9 for mode'],
  ['type=cache,uid=-1', 'invalid value -1 for uid'],
  ['mode=0700', 'mode not allowed for "bind" type mounts'],
  ['type=tmpfs,uid=1', 'uid not allowed for "tmpfs" type mounts'],
  ['type=secret', 'invalid secret mount. one of source, target required'],
  ['type=secret,id=a,from=b', 'secret mount should not have a from'],
  ['type=secret,id=a,source=b', "both source and id can't be set"],
  ['type=secret,id=a,sharing=shared', 'secret mount should not define sharing'],
  ['', 'failed to parse csv mounts: EOF'],
  ['"a', 'failed to parse csv mounts: parse error on line 1, column 3: extraneous or missing " in quoted-field'],
  ['a"b', 'failed to parse csv mounts: parse error on line 1, column 2: bare " in non-quoted-field'],
])('--mount=%s is refused: %s', (value, message) => {
  expect(() => parseMount(value)).toThrow(expect.objectContaining({ code: 'DOCKERFILE_MOUNT', message }))
})

test('every value is expanded, and no key', () => {
  expect(parseMount('type=cache,target=$T,id=$T', (word) => word.replace('$T', '/t'))).toMatchObject({
    target: '/t',
    id: '/t',
  })
})
