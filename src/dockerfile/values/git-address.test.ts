import { expect, test } from 'vitest'
import { isGitAddress, isGitContext, readGitAddress } from './git-address.ts'

const plain = { submodules: true, times: 'checkout' } as const
const commit = '0123456789abcdef0123456789abcdef01234567'

test('what ends in .git, git@, ssh and git are repositories; other addresses and paths are not', () => {
  for (const text of [
    'https://example.com/a.git',
    'http://example.com/a.git#main',
    'HTTPS://example.com/a.git?ref=main',
    'git@example.com:a/b.git',
    'somebody@example.com:a',
    'ssh://git@example.com/a',
    'git://example.com/a',
  ])
    expect([text, isGitAddress(text)]).toEqual([text, true])
  for (const text of [
    'https://example.com/a.tar',
    'https://example.com/?x=.git',
    'file:///a.git',
    'ext::sh -c id',
    'a.git',
    './git@b',
    'github.com/a/b',
  ])
    expect([text, isGitAddress(text)]).toEqual([text, false])
  expect(isGitContext('github.com/a/b')).toBe(true)
})

test('a branch, a tag, a commit and a folder stand behind #', () => {
  const remote = 'https://example.com/a.git'
  expect(readGitAddress(remote)).toEqual({ remote, ...plain })
  expect(readGitAddress(`${remote}#`)).toEqual({ remote, ...plain })
  expect(readGitAddress(`${remote}#v1`)).toEqual({ remote, ref: 'v1', ...plain })
  expect(readGitAddress(`${remote}#feature/a:dir//b/./c/`)).toEqual({
    remote,
    ref: 'feature/a',
    subdir: 'dir/b/c',
    ...plain,
  })
  expect(readGitAddress(`${remote}#:dir`)).toEqual({ remote, subdir: 'dir', ...plain })
  expect(readGitAddress(`git@example.com:a.git#${commit}`)).toEqual({
    remote: 'git@example.com:a.git',
    ref: commit,
    ...plain,
  })
  expect(readGitAddress('github.com/a/b#main')).toEqual({ remote: 'https://github.com/a/b', ref: 'main', ...plain })
})

test('the same can be said in a query, and more', () => {
  const remote = 'https://example.com/a.git'
  expect(
    readGitAddress(`${remote}?branch=main&subdir=dir&keep-git-dir=1&submodules=false&mtime=commit&commit=01234567`),
  ).toEqual({
    remote,
    ref: 'refs/heads/main',
    subdir: 'dir',
    keepGitDir: true,
    submodules: false,
    times: 'commit',
    commit: '01234567',
  })
  expect(readGitAddress(`${remote}?tag=v1`)).toEqual({ remote, ref: 'refs/tags/v1', ...plain })
  expect(readGitAddress(`${remote}?keep-git-dir`)).toEqual({ remote, keepGitDir: true, ...plain })
  // A whole commit alone says which one is meant.
  expect(readGitAddress(`${remote}?checksum=${commit}`)).toEqual({ remote, ref: commit, commit, ...plain })
})

test('what contradicts itself, leads out or could be an option of a program is refused', () => {
  const remote = 'https://example.com/a.git'
  for (const text of [
    `${remote}?ref=a&tag=b`,
    `${remote}?ref=a#b`,
    `${remote}?what=1`,
    `${remote}?ref=`,
    `${remote}?ref=a&ref=b`,
    `${remote}?commit=main`,
    `${remote}?submodules=perhaps`,
    `${remote}?mtime=now`,
    `${remote}?commit=fffffff#${commit}`,
    `${remote}#main:../x`,
    `${remote}#main:a/../../x`,
    `${remote}#--upload-pack=touch x`,
    `${remote}#-x`,
    `${remote}#a..b`,
    `${remote}#a b`,
    'ssh://-oProxyCommand=id/a.git',
    'ssh://git@-oProxyCommand=id/a.git',
    'git@example.com:-x',
    'git://example.com/a b.git',
  ])
    expect(() => readGitAddress(text), text).toThrow(expect.objectContaining({ code: 'GIT_ADDRESS_INVALID' }))
})

test('a password in an address is not in the error', () => {
  expect(() => readGitAddress('https://ada:secret@example.com/a.git?x=1')).toThrow(
    'https://xxxxx:xxxxx@example.com/a.git?x=1: unexpected query "x"',
  )
})
