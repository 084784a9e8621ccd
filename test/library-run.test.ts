import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { openTare, type RunOptions } from '../src/index.ts'
import { checkout, openBench } from './kit/cli.ts'
import { hasProgram, unlessMissing } from './kit/needs.ts'
import { copyPrograms } from './kit/program-image.ts'

// Commands by the library: what they have of this process, and what of a build.

const { chosen } = await (await openTare({ home: '/not/there' })).doctor()
const canRun = hasProgram('ldd') && unlessMissing(chosen !== undefined, 'RUN does not work here (tare doctor)')

/** An image `app` with this machine's sh and cat. */
async function openImage() {
  const bench = openBench({ Dockerfile: 'FROM scratch\nCOPY root /\nENV PATH=/bin\nCMD ["sh"]\n' })
  copyPrograms(join(bench.context, 'root'), { sh: 'bin/sh', cat: 'bin/cat' })
  const tare = await openTare({ home: bench.home, environment: {} })
  await tare.build({ context: { kind: 'directory', path: bench.context }, tags: ['app'] })
  return { ...bench, tare }
}

test.skipIf(!canRun)(
  'a command prints nothing of itself: what it prints goes to `output`, or is told to be this process’s',
  async () => {
    const { home, folder } = await openImage()
    const library = JSON.stringify(pathToFileURL(join(checkout, 'dist/index.js')).href)
    const script = join(folder, 'run.mjs')
    const run = (options: string) => {
      const text = `import { openTare } from ${library}
const tare = await openTare({ home: ${JSON.stringify(home)} })
const code = await tare.run({ image: 'app', command: ['sh', '-c', 'echo "\${A:-out}"; echo err >&2; exit 3'], ${options} })
process.exitCode = code`
      writeFileSync(script, text)
      const { stdout, stderr, status } = spawnSync(process.execPath, [script], { encoding: 'utf8' })
      return { stdout, stderr, status }
    }
    expect(run('')).toEqual({ stdout: '', stderr: '', status: 3 })
    expect(run(`stdio: 'inherit', env: { A: 'b=c' }`)).toEqual({ stdout: 'b=c\n', stderr: 'err\n', status: 3 })
    expect(
      run(`output: (stream, text) => process.stdout.write(stream + ':' + text)`).stdout.split('\n').sort(),
    ).toEqual([...['', 'stderr:err', 'stdout:out']])
  },
)

test.skipIf(!canRun)('streams that contradict one another are refused before anything is done', async () => {
  const tare = await openTare({ home: '/not/there', environment: {} })
  const refused = async (options: Partial<RunOptions>) =>
    expect(tare.run({ image: 'app', ...options })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  await refused({ stdin: true })
  await refused({ terminal: true })
  await refused({ stdio: 'inherit', output: () => {} })
})

test.skipIf(!canRun)('mounts, hosts and limits of a command are objects', async () => {
  const { tare, context } = await openImage()
  writeFileSync(join(context, 'note'), 'of this machine\n')
  let said = ''
  const code = await tare.run({
    image: 'app',
    command: ['sh', '-c', 'cat /note; cat /etc/hosts; ulimit -n; echo x > /mem/y && cat /mem/y'],
    mounts: [
      { type: 'bind', source: join(context, 'note'), target: '/note', readonly: true },
      { type: 'tmpfs', target: '/mem' },
    ],
    hosts: [{ name: 'db', address: '10.1.2.3' }],
    limits: [{ name: 'nofile', soft: 100, hard: 200 }],
    output: (_, text) => {
      said += text
    },
  })
  expect(code).toBe(0)
  expect(said).toContain('of this machine\n')
  expect(said).toMatch(/^10\.1\.2\.3\s+db$/m)
  expect(said).toMatch(/^100$/m)
})

test.skipIf(!canRun)('a secret of a build is given by value, and is in no layer', async () => {
  const { tare } = await openImage()
  const dockerfile = {
    text: 'FROM app\nRUN --mount=type=secret,id=token [ "$(cat /run/secrets/token)" = opensesame ]\n',
  }
  const build = (value: string | Uint8Array) =>
    tare.build({ context: { kind: 'empty' }, dockerfile, secrets: [{ id: 'token', value }], noCache: true })
  await build('opensesame')
  await build(Buffer.from('opensesame'))
  await expect(build('wrong')).rejects.toMatchObject({ code: 'RUN_FAILED' })
})
