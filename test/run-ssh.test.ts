import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openWay } from './kit/alpine.ts'
import { writeFiles } from './kit/cli.ts'
import { hasProgram, unlessMissing } from './kit/needs.ts'
import { processesWith } from './kit/processes.ts'
import { type Way, waysToRun } from './kit/sandboxes.ts'

// RUN --mount=type=ssh, asked by a real ssh-add in the step.

const hasSsh = hasProgram('ssh-agent') && hasProgram('ssh-add') && hasProgram('ldd')
const ways = process.platform === 'linux' ? waysToRun() : []
const isThere = unlessMissing(hasSsh && ways.length > 0, 'there is no ssh-agent, or no sandbox works here')

const ssh = (options: string) => `RUN --mount=type=ssh${options} ["/usr/bin/ssh-add", "-L"]\n`

describe.skipIf(!isThere).each(ways)('RUN --mount=type=ssh: $name', (way) => {
  test('key files are offered by an agent of the build, which ends with the build', async () => {
    const { tare, key, agents } = openKeys(way, `${ssh('')}USER 77:78\n${ssh(',uid=77,gid=78,mode=0600')}`)
    const { code, err } = await tare(['build', '--progress=plain', '--ssh', 'default=key', 'context'])
    expect(code, err).toBe(0)
    expect(err.split(key()).length).toBe(3)

    await expect.poll(agents).toEqual([])
  })

  test('an agent of the machine is forwarded, but only to a user with access to the socket', async () => {
    const { tare, key, folder } = openKeys(way, `USER 77:78\n${ssh(',id=mine,mode=0666')}${ssh(',id=mine')}`)
    const socket = join(folder, 'agent.sock')
    // It answers only whom it belongs to.
    const owner = way.user === undefined ? {} : { uid: way.user, gid: way.user }
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore', ...owner })
    onTestFinished(() => void agent.kill())
    const add = () =>
      spawnSync('ssh-add', ['-q', '-'], {
        env: { ...process.env, SSH_AUTH_SOCK: socket },
        input: readFileSync(join(folder, 'key')),
        stdio: ['pipe', 'ignore', 'ignore'],
      }).status
    await expect.poll(add).toBe(0)
    chmodSync(socket, 0o777)
    const { code, err } = await tare(['build', '--progress=plain', '--ssh', `mine=${socket}`, 'context'])
    expect(code).toBe(1)
    expect(err.split(key()).length).toBe(2)
    expect(err).toContain('Error connecting to agent: Permission denied')
  })
})

test.skipIf(!isThere || !hasProgram('python3'))('keys are added once their agent listens at its socket', async () => {
  const { tare, key, folder } = openKeys(ways[0]!, ssh(''))
  const agent = execFileSync('sh', ['-c', 'command -v ssh-agent'], { encoding: 'utf8' }).trim()
  writeFiles(join(folder, 'bin'), {
    'ssh-agent': {
      content: `#!/usr/bin/env python3
import os, socket, sys, time
path = sys.argv[-1]
socket.socket(socket.AF_UNIX).bind(path)
time.sleep(0.3)
os.unlink(path)
os.execv(${JSON.stringify(agent)}, sys.argv)
`,
      mode: 0o755,
    },
  })
  const env = { PATH: `${join(folder, 'bin')}:${process.env['PATH']}` }
  const { code, err } = await tare(['build', '--progress=plain', '--ssh', 'default=key', 'context'], env)
  expect(code, err).toBe(0)
  expect(err).toContain(key())
})

test.skipIf(!isThere)('a file that is not a key is rejected', async () => {
  const { tare, folder, context } = openKeys(ways[0]!, ssh(''))
  const refusal = async (value: string) => (await tare(['build', '--ssh', value, 'context'])).err
  expect(await refusal('default=context/Dockerfile')).toContain('cannot use the key context/Dockerfile: ')
  expect(await refusal('default=nope')).toContain('nope of --ssh default does not exist')
  expect(await refusal('default=key,')).toContain('invalid empty ssh agent socket')
  expect(await refusal('default=context')).toContain('neither an agent socket nor a key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'secret', '-f', join(folder, 'closed')])
  chmodSync(join(folder, 'closed'), 0o644)
  expect(await refusal('default=closed')).toContain('It must be a private key without a passphrase.')
  writeFileSync(join(context, 'Dockerfile'), `FROM scratch\nCOPY files /\n${ssh(',required=true')}`)
  expect(await refusal('other=key')).toContain('no SSH key "default" forwarded from the client')
})

/** An image of ssh-add and what it needs, and a key beside. */
function openKeys(way: Way, dockerfile: string) {
  const bench = openWay(way, { Dockerfile: `FROM scratch\nCOPY files /\n${dockerfile}` })
  const program = execFileSync('sh', ['-c', 'command -v ssh-add'], { encoding: 'utf8' }).trim()
  const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+(?= \()/g) ?? []
  for (const path of [...libraries, '/usr/bin/ssh-add']) {
    const at = join(bench.context, 'files', path)
    mkdirSync(dirname(at), { recursive: true })
    copyFileSync(path === '/usr/bin/ssh-add' ? program : path, at)
    chmodSync(at, 0o755)
  }
  // It asks who it is.
  execFileSync('sh', ['-c', 'mkdir -p etc && echo root:x:0:0::/: > etc/passwd && echo me:x:77:78::/: >> etc/passwd'], {
    cwd: join(bench.context, 'files'),
  })
  const key = join(bench.folder, 'key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'a comment', '-f', key])
  // Others may read it here, which ssh-add does not like of files.
  chmodSync(key, 0o644)
  return {
    ...bench,
    // Where its agents have their sockets, and nobody else's have.
    tare: (argv: readonly string[], env: Readonly<Record<string, string>> = {}) =>
      bench.tare(argv, { env: { TMPDIR: bench.folder, ...env } }),
    key: () => readFileSync(`${key}.pub`, 'utf8').split(' ')[1]!,
    agents: () => processesWith(join(bench.folder, 'tare-agent')),
  }
}
