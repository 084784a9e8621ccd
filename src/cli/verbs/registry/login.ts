import type { LoginOptions, Tare } from '../../../index.ts'
import { defineVerb, type VerbContext } from '../../command.ts'
import { Failure, UsageError } from '../../failure.ts'
import { inputBytes } from '../../input.ts'
import { Prompt } from '../../prompt.ts'
import { print, tell } from '../../streams.ts'
import { loginFlags } from './login-flags.ts'

const mostBytes = 64 << 10

export const login = defineVerb({
  usage: '[OPTIONS] [SERVER]',
  args: { least: 0, most: 1 },
  makesLogins: true,
  flags: {
    ...loginFlags,
    insecure: { type: 'bool', help: 'Skip certificate checks and allow plain HTTP' },
    password: { type: 'string', short: 'p', help: 'Password or personal access token' },
    'password-stdin': { type: 'bool', help: 'Take the password from stdin' },
    username: { type: 'string', short: 'u', help: 'Username' },
  },
  run: async (call) => {
    const { args, flags, streams, signal } = call
    const { username: user, password, insecure } = flags
    const fromInput = flags['password-stdin']
    if (password !== undefined && fromInput)
      throw new UsageError('--password and --password-stdin are mutually exclusive')
    if (fromInput && !user) throw new UsageError('--password-stdin needs a user name', 'Name it with -u.')
    if (password !== undefined)
      await tell(streams, 'WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n')
    const tare = await call.open()
    const about = { registry: args[0], insecure, signal }
    if (!user && password === undefined && (await isLoggedIn(tare, about, call))) {
      await print(streams, 'Login Succeeded\n')
      return 0
    }
    const answers = fromInput
      ? { user, password: await readPassword(inputBytes({ streams, signal })) }
      : await ask(call, user, password)
    const { storedIn, plaintext, overriddenBy } = await tare.registry.login({ ...about, ...answers })
    if (overriddenBy !== undefined)
      await tell(
        streams,
        `WARNING: ${overriddenBy} has a login for the same registry, which takes precedence over ${storedIn}.\n`,
      )
    if (plaintext)
      await tell(
        streams,
        `WARNING! Your credentials are stored unencrypted in ${storedIn}.\nConfigure a credential helper (credsStore in that file) to store them safely.\n`,
      )
    await print(streams, 'Login Succeeded\n')
    return 0
  },
})

/** Whether the registry accepts the stored login. If not, and the user can be asked, this is reported rather than thrown. */
async function isLoggedIn(tare: Tare, about: LoginOptions, { streams }: VerbContext): Promise<boolean> {
  try {
    const { user } = await tare.registry.login(about)
    await tell(
      streams,
      `Authenticated with existing credentials${user === undefined ? '' : ` of ${user}`}; use \`tare logout\` first to log in as another user.\n`,
    )
    return true
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: string }
    if (code === 'CREDENTIALS_MISSING') return false
    if (code !== 'REGISTRY_DENIED' || streams.stdin.isTTY !== true) throw error
    await tell(streams, `The existing credentials were rejected: ${message}\n`)
    return false
  }
}

async function ask(call: VerbContext, user: string | undefined, password: string | undefined) {
  if (user && password !== undefined) return { user, password }
  if (call.streams.stdin.isTTY !== true)
    throw new Failure('cannot ask for a password without a terminal', {
      remedy: 'Give the user with -u and the password with --password-stdin.',
    })
  const prompt = new Prompt(call)
  const name = user || (await prompt.ask('Username: ')).trim()
  if (name === '') throw new Failure('the user name is empty')
  const secret = password ?? (await prompt.ask('Password: ', true))
  if (secret === '') throw new Failure('the password is empty')
  return { user: name, password: secret }
}

async function readPassword(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    size += chunk.length
    if (size > mostBytes) throw new Failure('the input for --password-stdin is too long for a password')
    chunks.push(chunk)
  }
  const password = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
  if (password === '') throw new Failure('the password is empty')
  return password
}

export const logout = defineVerb({
  usage: '[SERVER]',
  args: { least: 0, most: 1 },
  makesLogins: true,
  flags: { ...loginFlags },
  run: async ({ args, streams, ...call }) => {
    const tare = await call.open()
    const server = args[0] ?? 'docker.io'
    const known = await tare.registry.logout({ registry: server })
    await print(streams, known ? `Removing login credentials for ${server}\n` : `Not logged in to ${server}\n`)
    return 0
  },
})
