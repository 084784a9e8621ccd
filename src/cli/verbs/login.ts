import { defineVerb } from '../command.ts'
import { Failure, UsageError } from '../failure.ts'
import { inputBytes } from '../input.ts'
import { tell, write } from '../streams.ts'

const mostBytes = 64 << 10

export const login = defineVerb({
  usage: '[OPTIONS] [SERVER]',
  args: { least: 0, most: 1 },
  flags: {
    insecure: { type: 'bool', help: 'Do not check certificates, and allow plain HTTP' },
    password: { type: 'string', short: 'p', help: 'Password or personal access token' },
    'password-stdin': { type: 'bool', help: 'Take the password from stdin' },
    username: { type: 'string', short: 'u', help: 'Username' },
  },
  run: async ({ args, flags, streams, signal, ...call }) => {
    if (flags.username === undefined || flags.username === '')
      throw new UsageError('tare login needs a user name', 'Name it with -u.')
    if (flags.password !== undefined && flags['password-stdin'])
      throw new UsageError('--password and --password-stdin are mutually exclusive')
    if (flags.password === undefined && !flags['password-stdin'])
      throw new UsageError('tare login does not ask for the password yet', 'Send it to --password-stdin.')
    if (flags.password !== undefined)
      await tell(streams, 'WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n')
    const password = flags.password ?? (await readPassword(inputBytes({ streams, signal })))
    const tare = await call.open()
    const { username: user, insecure } = flags
    const { place, inClear } = await tare.login({ registry: args[0], user, password, insecure, signal })
    if (inClear)
      await tell(
        streams,
        `WARNING! The password is kept unencrypted in ${place}.\nConfigure a credential helper to keep it safely: credsStore in that file.\n`,
      )
    await write(streams.stdout, 'Login Succeeded\n')
    return 0
  },
})

async function readPassword(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    size += chunk.length
    if (size > mostBytes) throw new Failure('what came to --password-stdin is too long for a password')
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
  flags: {},
  run: async ({ args, streams, ...call }) => {
    const tare = await call.open()
    const server = args[0] ?? 'docker.io'
    const known = await tare.logout({ registry: server })
    await write(streams.stdout, known ? `Removing login credentials for ${server}\n` : `Not logged in to ${server}\n`)
    return 0
  },
})
