import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import { commitTime, git, hasGit, hasGitDaemon, Repositories } from '../../../../test/kit/git.ts'
import { readWhole } from '../../layer/index.ts'
import type { Tree } from '../../tree/index.ts'
import { checkOut } from './check-out.ts'
import { resolveGit } from './resolve.ts'
import { Git, type GitOptions } from './run-git.ts'
import type { GitSource } from './types.ts'

const now = 1_700_000_000

async function get(source: Partial<GitSource> & { remote: string }, options: Partial<GitOptions> = {}) {
  const whole: GitSource = { submodules: true, times: 'checkout', ...source }
  const folder = join(temporaryFolder(), 'checkout')
  const program = await Git.open({ environment: { PATH: process.env['PATH'], HOME: temporaryFolder() }, ...options })
  const resolved = await resolveGit(program, whole)
  const { tree } = await checkOut(program, whole, resolved, { folder, now })
  return { folder, resolved, tree, lines: linesOf(tree) }
}

/** `path mode kind what`, without what is in a .git. */
function linesOf(tree: Tree): string[] {
  return [...tree.walk()].flatMap(([path, node]) => {
    expect([node.uid, node.gid]).toEqual([0, 0])
    if (/(?:^|\/)\.git(?:$|\/)/.test(path)) return []
    const what =
      node.kind === 'file' ? readWhole(node, 1 << 20).toString() : node.kind === 'symlink' ? `-> ${node.target}` : '/'
    return [`${path} ${node.mode.toString(8)} ${what}`]
  })
}

describe.skipIf(!hasGitDaemon)('a repository of git daemon', () => {
  test('gives its files: 0644 and 0755, root’s, whatever the umask; .git is dropped', async () => {
    const repositories = new Repositories()
    repositories.commit('a', { 'a.txt': 'a', 'dir/run': { content: 'r', mode: 0o755 }, empty: '' }, (folder) =>
      symlinkSync('../a.txt', join(folder, 'dir/link')),
    )
    const url = await repositories.daemon()
    const umask = process.umask(0o077)
    const { lines, tree } = await get({ remote: `${url}/a.git` }).finally(() => process.umask(umask))
    expect(lines).toEqual(['a.txt 644 a', 'dir 755 /', 'dir/link 777 -> ../a.txt', 'dir/run 755 r', 'empty 644 '])
    expect(tree.get('.git')).toBeUndefined()
    expect([...tree.walk()].map(([, { mtime, mtimeNs }]) => [mtime, mtimeNs])).toEqual(Array(5).fill([now, 0]))
    const ofCommit = await get({ remote: `${url}/a.git`, times: 'commit' })
    expect(ofCommit.tree.get('a.txt')).toMatchObject({ mtime: commitTime })
  })

  test('gives a branch, a tag, any whole commit and a folder of it', async () => {
    const repositories = new Repositories()
    const first = repositories.commit('a', { file: '1', 'dir/sub/x': 'x' })
    git(repositories.path('a'), 'tag', '--annotate', '--message=one', 'v1')
    git(repositories.path('a'), 'branch', 'old')
    const second = repositories.commit('a', { file: '2' })
    // Of the same name as a branch, which wins.
    git(repositories.path('a'), 'tag', 'old')
    const remote = `${await repositories.daemon()}/a.git`
    const file = async (source: Partial<GitSource>) => {
      const { tree, resolved } = await get({ remote, ...source })
      return [resolved.commit, readWhole(tree.get('file') as never, 9).toString()]
    }
    expect(await file({})).toEqual([second, '2'])
    expect(await file({ ref: 'main' })).toEqual([second, '2'])
    expect(await file({ ref: 'refs/heads/main' })).toEqual([second, '2'])
    expect(await file({ ref: 'v1' })).toEqual([first, '1'])
    expect(await file({ ref: 'refs/tags/v1', commit: first.slice(0, 8) })).toEqual([first, '1'])
    expect(await file({ ref: 'old' })).toEqual([first, '1'])
    expect(await file({ ref: 'refs/tags/old' })).toEqual([second, '2'])
    expect(await file({ ref: first })).toEqual([first, '1'])
    expect((await get({ remote, subdir: 'dir/sub' })).lines).toEqual(['x 644 x'])
    // The object of the tag will do, too.
    const object = git(repositories.path('a'), 'rev-parse', 'v1')
    expect(await file({ ref: 'v1', commit: object })).toEqual([first, '1'])
  })

  test('says what is not there, and what another commit is', async () => {
    const repositories = new Repositories()
    const commit = repositories.commit('a', { 'dir/x': 'x' }, (folder) => symlinkSync('..', join(folder, 'out')))
    const url = await repositories.daemon()
    const remote = `${url}/a.git`
    const fails = (source: Partial<GitSource>) => expect(get({ remote, ...source })).rejects
    await fails({ ref: 'nope' }).toMatchObject({ code: 'GIT_REF_MISSING', message: `${remote} has no nope` })
    await fails({ ref: commit.slice(0, 8) }).toMatchObject({
      code: 'GIT_REF_MISSING',
      remedy: expect.stringContaining('40 digits'),
    })
    await fails({ ref: '0'.repeat(39).concat('1') }).toMatchObject({ code: 'GIT_REF_MISSING' })
    await fails({ commit: '0000000' }).toMatchObject({ code: 'CHECKSUM_MISMATCH' })
    await fails({ remote: `${url}/nope.git` }).toMatchObject({ code: 'GIT_REPOSITORY_MISSING' })
    await fails({ remote: 'git://127.0.0.1:1/a.git' }).toMatchObject({ code: 'GIT_FAILED' })
    await fails({ subdir: 'nope' }).toMatchObject({ code: 'GIT_SUBDIR_INVALID' })
    await fails({ subdir: 'dir/x' }).toMatchObject({ code: 'GIT_SUBDIR_INVALID' })
  })

  test('a folder is not looked for behind a symbolic link, nor in .git', async () => {
    const repositories = new Repositories()
    repositories.commit('a', { x: 'x' }, (folder) => {
      symlinkSync('/etc', join(folder, 'etc'))
      symlinkSync('..', join(folder, 'up'))
    })
    const remote = `${await repositories.daemon()}/a.git`
    for (const subdir of ['etc', 'etc/ssl', 'up', '.git', '.git/objects'])
      await expect(get({ remote, subdir })).rejects.toMatchObject({ code: 'GIT_SUBDIR_INVALID' })
  })

  test('brings its submodules, unless that is switched off', async () => {
    const repositories = new Repositories()
    repositories.commit('inner', { deep: 'd' })
    repositories.commit('middle', { m: 'm' })
    const url = await repositories.daemon()
    git(repositories.path('middle'), 'submodule', 'add', '--quiet', '../inner.git', 'inner')
    // What git put there is relative to where the repository lies: servers have the same neighbours.
    repositories.commit('middle', {})
    repositories.commit('outer', { o: 'o' })
    git(repositories.path('outer'), 'submodule', 'add', '--quiet', `${url}/middle.git`, 'vendor/middle')
    repositories.commit('outer', {})
    // One that has moved on: its old commit is no branch's end.
    repositories.commit('middle', { m: 'later' })
    const { lines } = await get({ remote: `${url}/outer.git` })
    expect(lines.filter((line) => !line.includes('.gitmodules'))).toEqual([
      'o 644 o',
      'vendor 755 /',
      'vendor/middle 755 /',
      'vendor/middle/inner 755 /',
      'vendor/middle/inner/deep 644 d',
      'vendor/middle/m 644 m',
    ])
    const without = await get({ remote: `${url}/outer.git`, submodules: false })
    expect(without.lines.map((line) => line.split(' ')[0])).toEqual(['.gitmodules', 'o', 'vendor', 'vendor/middle'])
  })

  test('keeps .git where that is asked for: git works in it, and it is the same each time', async () => {
    const repositories = new Repositories()
    repositories.commit('inner', { i: 'i' })
    const commit = repositories.commit('a', { 'a/b': 'b' })
    const url = await repositories.daemon()
    git(repositories.path('a'), 'submodule', 'add', '--quiet', `${url}/inner.git`, 'inner')
    repositories.commit('a', {})
    git(repositories.path('a'), 'tag', '--annotate', '--message=one', 'v1')
    const source = { remote: `${url}/a.git`, ref: 'v1', keepGitDir: true }
    const one = await get(source)
    expect(git(one.folder, 'status', '--porcelain')).toBe('')
    expect(git(one.folder, 'describe')).toBe('v1')
    expect(git(join(one.folder, 'inner'), 'status', '--porcelain')).toBe('')
    expect(one.tree.get('.git')?.kind).toBe('directory')
    const contents = (tree: Tree) =>
      [...tree.walk()].map(([path, node]) => [
        path,
        node.mode,
        node.kind === 'file' ? readWhole(node, 1 << 20).toString('hex') : '',
      ])
    const two = await get(source)
    expect(contents((await get(source)).tree)).toEqual(contents(two.tree))
    // A folder of the repository has none.
    expect((await get({ ...source, subdir: 'a' })).lines).toEqual(['b 644 b'])
    expect(commit).toMatch(/^[0-9a-f]{40}$/)
  })

  test('is stopped with all that it started, and nobody waits for it', async () => {
    const repositories = new Repositories()
    repositories.commit('a', { a: 'a' })
    const folder = temporaryFolder()
    // An ssh that never answers and leaves a child behind.
    const ssh = join(folder, 'ssh')
    writeFileSync(ssh, `#!/bin/sh\nsleep 600 & echo $! > ${folder}/child\necho $$ > ${folder}/parent\nsleep 600\n`)
    chmodSync(ssh, 0o755)
    const stop = new AbortController()
    const environment = { PATH: process.env['PATH'], GIT_SSH_COMMAND: ssh, GIT_SSH_VARIANT: 'ssh' }
    const work = get({ remote: 'ssh://127.0.0.1/a.git' }, { environment, signal: stop.signal })
    work.catch(() => {})
    while (!existsSync(join(folder, 'parent'))) await new Promise((resolve) => setTimeout(resolve, 10))
    stop.abort(new Error('enough'))
    await expect(work).rejects.toThrow('enough')
    for (const name of ['child', 'parent']) {
      const pid = Number(readFileSync(join(folder, name), 'utf8'))
      // A killed process is gone when the kernel next runs it, which may be later.
      await expect.poll(() => isRunning(pid), { timeout: 60_000 }).toBe(false)
    }
    await expect(get({ remote: 'ssh://127.0.0.1/a.git' }, { environment, idleTimeout: 300 })).rejects.toMatchObject({
      code: 'GIT_FAILED',
      message: expect.stringContaining('was silent'),
    })
  })
})

/** A zombie that nobody has fetched yet does not run. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

describe.skipIf(!hasGit)('a repository of the web', () => {
  test('is fetched from a server of plain files, too', async () => {
    const repositories = new Repositories()
    const first = repositories.commit('a', { a: '1' })
    repositories.commit('a', { a: '2' })
    git(repositories.path('a'), 'update-server-info')
    const { url } = await repositories.web('dumb')
    expect((await get({ remote: `${url}/a.git` })).lines).toEqual(['a 644 2'])
    expect((await get({ remote: `${url}/a.git`, ref: first })).lines).toEqual(['a 644 1'])
  })

  test('wants a password, which the user’s helper or a setting gives, and no prompt', async () => {
    const repositories = new Repositories()
    repositories.commit('a', { a: 'a' })
    const basic = `Basic ${Buffer.from('ada:secret').toString('base64')}`
    const { url } = await repositories.web('smart', basic)
    const remote = `${url}/a.git`
    await expect(get({ remote })).rejects.toMatchObject({ code: 'GIT_DENIED' })
    const settings = [['http.extraHeader', `Authorization: ${basic}`]] as const
    expect((await get({ remote }, { settings })).lines).toEqual(['a 644 a'])
    const home = temporaryFolder()
    writeFileSync(
      join(home, '.gitconfig'),
      '[credential]\nhelper = "!f() { echo username=ada; echo password=secret; }; f"\n',
    )
    expect((await get({ remote }, { environment: { PATH: process.env['PATH'], HOME: home } })).lines).toEqual([
      'a 644 a',
    ])
  })

  test('leaves no password in a .git that is kept, nor in an error', async () => {
    const repositories = new Repositories()
    repositories.commit('a', { a: 'a' })
    const { url } = await repositories.web('smart', `Basic ${Buffer.from('ada:secret').toString('base64')}`)
    const remote = `${url.replace('//', '//ada:secret@')}/a.git`
    const { folder } = await get({ remote, keepGitDir: true })
    expect(git(folder, 'config', 'remote.origin.url')).toBe(`${url}/a.git`)
    const files = readdirSync(join(folder, '.git'), { recursive: true, withFileTypes: true })
    for (const file of files.filter((entry) => entry.isFile()))
      expect(readFileSync(join(file.parentPath, file.name)).includes('secret')).toBe(false)
    const wrong = get({ remote: remote.replace('ada:', 'bob:') })
    await expect(wrong).rejects.toMatchObject({ code: 'GIT_DENIED', message: expect.not.stringContaining('secret') })
  })
})

describe.skipIf(!hasGit)('a repository over ssh', () => {
  test('is fetched by the user’s own ssh, and one that stays behind is not waited for', async () => {
    const repositories = new Repositories()
    repositories.commit('a', { a: 'a' })
    const folder = temporaryFolder()
    // What ssh would do at the other end, and then a connection that is kept for the next time.
    const ssh = join(folder, 'ssh')
    writeFileSync(
      ssh,
      `#!/bin/sh\necho "$@" >> ${folder}/calls\nfor last; do :; done\nsleep 600 & echo $! >> ${folder}/behind\nexec sh -c "$last"\n`,
      { mode: 0o755 },
    )
    const behind = () => readFileSync(join(folder, 'behind'), 'utf8').trim().split('\n').map(Number)
    onTestFinished(() => {
      for (const pid of behind()) process.kill(pid)
    })
    const home = temporaryFolder()
    const environment = { PATH: `${folder}:${process.env['PATH']}`, HOME: home }
    const { lines } = await get({ remote: `git@127.0.0.1:${repositories.path('a')}` }, { environment })
    expect(lines).toEqual(['a 644 a'])
    expect(behind().map(isRunning)).not.toContain(false)
    expect(readFileSync(join(folder, 'calls'), 'utf8')).toContain('BatchMode=yes')
  })
})

describe.skipIf(!hasGitDaemon)('an attack', () => {
  const environmentOf = (home: string) => ({ PATH: process.env['PATH'], HOME: home })

  test('by an address or a submodule that runs a program is refused', async () => {
    const repositories = new Repositories()
    const mark = join(temporaryFolder(), 'mark')
    await expect(get({ remote: `ext::sh -c touch% ${mark}` })).rejects.toMatchObject({ code: 'GIT_PROTOCOL_REFUSED' })
    await expect(get({ remote: `file://${repositories.path('a')}` })).rejects.toMatchObject({
      code: 'GIT_PROTOCOL_REFUSED',
    })
    const commit = repositories.commit('inner', { i: 'i' })
    const url = await repositories.daemon()
    for (const [i, address] of [
      `ext::sh -c touch% ${mark}`,
      repositories.path('inner'),
      '--upload-pack=touch',
    ].entries()) {
      const name = `outer${i}`
      repositories.commit(name, { '.gitmodules': `[submodule "inner"]\n\tpath = inner\n\turl = ${address}\n` })
      git(repositories.path(name), 'update-index', '--add', '--cacheinfo', `160000,${commit},inner`)
      git(repositories.path(name), 'commit', '--quiet', '--message=submodule')
      await expect(get({ remote: `${url}/${name}.git` })).rejects.toMatchObject({
        code: expect.stringMatching(/^GIT_(?:PROTOCOL_REFUSED|FAILED)$/),
      })
    }
    expect(existsSync(mark)).toBe(false)
  })

  test('by a ref or an address that is an option does nothing', async () => {
    const repositories = new Repositories()
    repositories.commit('a', { a: 'a' })
    const url = await repositories.daemon()
    const mark = join(temporaryFolder(), 'mark')
    await expect(get({ remote: `--upload-pack=touch ${mark}` })).rejects.toThrow()
    await expect(get({ remote: `${url}/a.git`, ref: `--upload-pack=touch ${mark}` })).rejects.toThrow()
    expect(existsSync(mark)).toBe(false)
  })

  test('by hooks, templates and filters of the user’s settings or of the repository runs nothing', async () => {
    const repositories = new Repositories()
    repositories.commit('inner', { i: 'i' })
    const url = await repositories.daemon()
    repositories.commit('a', {
      a: 'a',
      '.gitattributes': '* filter=evil\n*.txt filter=lfs\n',
      'x.txt': 'pointer',
      'hooks/post-checkout': { content: '#!/bin/sh\ntouch "$MARK"\n', mode: 0o755 },
    })
    git(repositories.path('a'), 'submodule', 'add', '--quiet', `${url}/inner.git`, 'inner')
    repositories.commit('a', {})
    const home = temporaryFolder()
    const mark = join(home, 'mark')
    const template = join(home, 'template/hooks')
    mkdirSync(template, { recursive: true })
    for (const hook of ['post-checkout', 'reference-transaction', 'post-index-change'])
      writeFileSync(join(template, hook), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 })
    writeFileSync(
      join(home, '.gitconfig'),
      `[init]\ntemplateDir = ${home}/template\n[core]\nhooksPath = ${template}\nfsmonitor = touch ${mark}\n` +
        `[filter "evil"]\nsmudge = touch ${mark}\nrequired = true\n[filter "lfs"]\nsmudge = touch ${mark}\n`,
    )
    const environment = { ...environmentOf(home), MARK: mark, GIT_TEMPLATE_DIR: join(home, 'template'), GIT_DIR: home }
    const { lines, folder } = await get({ remote: `${url}/a.git`, keepGitDir: true }, { environment })
    expect(lines).toContain('x.txt 644 pointer')
    expect(lines).toContain('inner/i 644 i')
    expect(existsSync(mark)).toBe(false)
    expect(existsSync(join(folder, '.git/hooks'))).toBe(false)
  })
})
