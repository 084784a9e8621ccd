import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { engineThat } from '../test/kit/buildkit-front.ts'
import { makeCertificate } from '../test/kit/certificates.ts'
import { program, start, temporaryFolder, writeFiles } from '../test/kit/cli.ts'
import { relayTo } from '../test/kit/relay.ts'
import { standIn } from '../test/kit/stand-in.ts'

// Every engine that the page names is reached the way it says, with programs that stand in for ssh and kubectl.

const page = readFileSync(join(import.meta.dirname, 'engines.md'), 'utf8')
const shown = [...page.matchAll(/tare (?:build|doctor) .*?--builder '?"?([^\s'"`]+)/g)].map((match) => match[1]!)
const addresses = new Set(shown.flatMap((list) => list.split(',')).map((one) => one.replace(/^linux\/[a-z0-9]+=/, '')))

test('the page shows engines of every kind', () => {
  expect([...addresses].sort()).toEqual([
    '${{', // What GitHub fills in.
    'ADDRESS',
    'auto',
    'big',
    'kube-pod://buildkitd',
    'kube-pod://buildkitd-amd64-0',
    'kube-pod://buildkitd-arm64-0',
    'local',
    'ssh://me@big.example',
    'tls://arm.example:1234',
    'tls://big.example:2376?ca=ca.pem&cert=cert.pem&key=key.pem',
    'tls://builder.example:1234',
    'unix:///run/docker.sock',
    'unix:///var/run/docker.sock',
  ])
})

const ssh = '-T -o BatchMode=yes -l me -- big.example'

test.each([
  ['big', 'ssh', `${ssh} docker system dial-stdio`],
  ['ssh://me@big.example', 'ssh', `${ssh} buildctl dial-stdio`],
  ['kube-pod://buildkitd', 'kubectl', 'exec -i buildkitd -- buildctl dial-stdio'],
  ['kube-pod://buildkitd-amd64-0', 'kubectl', 'exec -i buildkitd-amd64-0 -- buildctl dial-stdio'],
  ['kube-pod://buildkitd-arm64-0', 'kubectl', 'exec -i buildkitd-arm64-0 -- buildctl dial-stdio'],
])('%s is reached through %s', async (address, name, args) => {
  const socket = (await engineThat(async () => {})).slice('unix://'.length)
  standIn(name, args.split(' '), socket)
  expect(await doctor(address)).toContain(`${address} works (buildkitd v0.99.0)`)
})

test.each([
  'tls://builder.example:1234',
  'tls://arm.example:1234',
  'tls://big.example:2376?ca=ca.pem&cert=cert.pem&key=key.pem',
])('%s is reached over TLS', async (address) => {
  const folder = temporaryFolder()
  const authority = makeCertificate(folder, 'ca')
  const [host] = /[a-z]+\.example/.exec(address)!
  const server = makeCertificate(folder, 'server', authority, `DNS:${host}`)
  const me = makeCertificate(folder, 'me', authority)
  const text = (path: string) => readFileSync(path)
  writeFiles(folder, { 'ca.pem': text(authority.cert), 'cert.pem': text(me.cert), 'key.pem': text(me.key) })
  const wants = { ca: text(authority.cert), requestCert: true, rejectUnauthorized: true }
  const relay = await relayTo(await engineThat(async () => {}), {
    ...{ cert: text(server.cert), key: text(server.key), ALPNProtocols: ['h2'] },
    ...wants,
  })
  // Its name is only in the certificate.
  const here = `${address.replace(/^tls:\/\/[^?]*/, relay.address)}${address.includes('?') ? '&' : '?'}servername=${host}`
  expect(await doctor(here, { DOCKER_CERT_PATH: folder }, folder)).toContain('works (buildkitd v0.99.0)')
})

/** What `tare doctor --builder` prints, with the docker context that the page creates. */
async function doctor(address: string, env: Record<string, string> = {}, cwd?: string): Promise<string> {
  const id = createHash('sha256').update('big').digest('hex')
  const config = writeFiles(temporaryFolder(), {
    [`contexts/meta/${id}/meta.json`]: JSON.stringify({
      Name: 'big',
      Endpoints: { docker: { Host: 'ssh://me@big.example' } },
    }),
  })
  const command = [process.execPath, program, 'doctor', '--builder', address]
  const { out } = await start(command, { home: temporaryFolder(), cwd, env: { DOCKER_CONFIG: config, ...env } }).outcome
  return out
}
