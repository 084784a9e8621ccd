import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BadRegistry, type BadRegistryOptions } from './kit/bad-registry.ts'
import { program, start, startTare, temporaryFolder, writeFiles } from './kit/cli.ts'
import { hasProgram } from './kit/needs.ts'

// `tare login` at a terminal. Python makes the terminal, and types an answer when it has read the question before it.
const terminal = `
import fcntl, json, os, pty, subprocess, sys, termios, time, select
command, steps = json.loads(sys.argv[1])
near, far = pty.openpty()
def own():
    os.setsid()
    fcntl.ioctl(far, termios.TIOCSCTTY, 0)
child = subprocess.Popen(command, stdin=far, stdout=far, stderr=far, preexec_fn=own)
before = termios.tcgetattr(far)[3]
seen, at = b'', 0
end = time.time() + 20
while time.time() < end:
    if select.select([near], [], [], 0.05)[0]:
        seen += os.read(near, 65536)
    elif child.poll() is not None:
        break
    if steps and steps[0][0].encode() in seen[at:]:
        at = len(seen)
        os.write(near, steps.pop(0)[1].encode())
child.kill() if child.poll() is None else None
same = termios.tcgetattr(far)[3] == before
print(json.dumps({'code': child.wait(), 'seen': seen.decode(), 'same': same}))
`

interface Session {
  readonly code: number
  readonly seen: string
  /** The terminal is as it was. */
  readonly same: boolean
}

async function registry(auth: BadRegistryOptions['auth'] = 'basic'): Promise<BadRegistry> {
  const started = await BadRegistry.start({ auth })
  onTestFinished(() => started.stop())
  return started
}

const kept = (home: string) => JSON.parse(readFileSync(join(home, '.docker/config.json'), 'utf8')) as { auths: object }

async function login(home: string, args: readonly string[], steps: readonly (readonly [string, string])[]) {
  const command = [process.execPath, program, 'login', ...args]
  const session = start(['python3', '-c', terminal, JSON.stringify([command, steps])], { env: { HOME: home } })
  const { out, err } = await session.outcome
  if (out === '') throw new Error(err)
  return JSON.parse(out) as Session
}

describe.runIf(hasProgram('python3'))('at a terminal', () => {
  test('asks for name and password, shows the one and not the other, and says where it keeps them', async () => {
    const { host } = await registry()
    const home = temporaryFolder()
    const typed = [
      ['Username: ', 'ada\r'],
      ['Password: ', 'sx\x7fecrets\x7f\r'],
    ] as const
    const { code, seen, same } = await login(home, [host], typed)
    expect({ code, same }).toEqual({ code: 0, same: true })
    expect(seen).toMatch(/^Username: ada\r\nPassword: \r\nWARNING! Your credentials are stored unencrypted in /)
    expect(seen).toMatch(/Login Succeeded\r\n$/)
    expect(seen).not.toContain('ecret')
    expect(kept(home).auths).toEqual({ [host]: { auth: Buffer.from('ada:secret').toString('base64') } })
    const again = await login(home, [host], [])
    expect(again.code).toBe(0)
    expect(again.seen).toContain('Authenticated with existing credentials of ada')
  })

  test('with -u, asks for the password alone, even when it was typed before it was asked for', async () => {
    const { host } = await registry('bearer')
    const { code, seen } = await login(temporaryFolder(), ['-u', 'ada', host], [['Password: ', 'secret\r']])
    expect(code).toBe(0)
    expect(seen).toMatch(/^Password: \r\n/)
    const pasted = await login(temporaryFolder(), [host], [['Username: ', 'ada\nsecret\n']])
    expect(pasted.code).toBe(0)
  })

  test('asks again where what is kept is no longer taken', async () => {
    const { host } = await registry()
    const home = temporaryFolder()
    const old = { auths: { [host]: { auth: Buffer.from('ada:old').toString('base64') } } }
    writeFiles(home, { '.docker/config.json': JSON.stringify(old) })
    const typed = [
      ['Username: ', 'ada\r'],
      ['Password: ', 'secret\r'],
    ] as const
    const { code, seen } = await login(home, [host], typed)
    expect(code).toBe(0)
    expect(seen).toMatch(/^The existing credentials were rejected: .* answers 401/)
    expect(kept(home).auths).toEqual({ [host]: { auth: Buffer.from('ada:secret').toString('base64') } })
  })

  for (const [key, keys, code] of [
    ['Ctrl-C', 'sec\x03', 130],
    ['Ctrl-D', '\x04', 1],
    ['nothing but Enter', '\r', 1],
  ] as const)
    test(`${key} at the password ends it, and the terminal is as before`, async () => {
      const { host } = await registry()
      const home = temporaryFolder()
      mkdirSync(join(home, '.docker'))
      const session = await login(home, ['-u', 'ada', host], [['Password: ', keys]])
      expect({ code: session.code, same: session.same }).toEqual({ code, same: true })
      expect(() => kept(home)).toThrow('ENOENT')
    })

  test('Ctrl-C at the name ends it', async () => {
    const { host } = await registry()
    expect(await login(temporaryFolder(), [host], [['Username: ', 'a\x03']])).toMatchObject({ code: 130, same: true })
  })
})

test('without a terminal nothing is asked, and the error says how to go about it', async () => {
  const { host } = await registry()
  const home = temporaryFolder()
  for (const args of [[host], ['-u', 'ada', host]]) {
    const { code, err, out } = await startTare(['login', ...args], { env: { HOME: home }, input: 'ada\nsecret\n' })
      .outcome
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain('cannot ask for a password without a terminal')
    expect(err).toContain('--password-stdin')
  }
  const noName = await startTare(['login', '--password-stdin', host], { env: { HOME: home }, input: 'secret' }).outcome
  expect(noName.code).toBe(125)
  const piped = ['login', '-u', 'ada', '--password-stdin', host]
  expect((await startTare(piped, { env: { HOME: home }, input: 'secret\n' }).outcome).code).toBe(0)
  const checked = await startTare(['login', host], { env: { HOME: home } }).outcome
  expect(checked).toMatchObject({ code: 0, out: 'Login Succeeded\n' })
  writeFiles(home, { '.docker/config.json': JSON.stringify({ auths: { [host]: { auth: 'YWRhOm9sZA==' } } }) })
  expect((await startTare(['login', host], { env: { HOME: home } }).outcome).err).toContain('answers 401')
})
