import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { BadRegistry } from '../../test/kit/bad-registry.ts'
import { program, start, temporaryFolder, writeFiles } from '../../test/kit/cli.ts'
import { githubStandIn } from '../../test/kit/github-cache.ts'

/** The commands of a page, or of one of its sections, as its system would hand them to a shell. */
function commandsOf(title: string | undefined, page = 'ci.md'): readonly string[] {
  const whole = readFileSync(join(import.meta.dirname, page), 'utf8')
  const section = title === undefined ? whole : whole.split(`\n## ${title}\n`)[1]!.split('\n## ')[0]!
  const blocks = [...section.matchAll(/```(?:yaml|groovy)\n(.*?)```/gs)].map((match) => match[1]!)
  return blocks.flatMap((block) => {
    const lines = block.split('\n')
    return lines.flatMap((line, i) => {
      const inline =
        /^\s*- (?:run: )?((?:echo|npx|tare|export) .*)$/.exec(line)?.[1] ?? /^\s*sh '(.*)'$/.exec(line)?.[1]
      if (inline !== undefined) return [inline]
      if (!/^\s*(?:script:|-) \|$/.test(line)) return []
      const indent = /^\s*/.exec(lines[i + 1]!)![0]
      const end = lines.findIndex((one, at) => at > i && !one.startsWith(indent))
      return [
        lines
          .slice(i + 1, end < 0 ? undefined : end)
          .map((one) => one.slice(indent.length))
          .join('\n'),
      ]
    })
  })
}

async function bench() {
  const registry = await BadRegistry.start({ auth: 'basic' })
  onTestFinished(() => registry.stop())
  const folder = temporaryFolder()
  writeFiles(folder, {
    'app/Dockerfile': 'FROM scratch\nCOPY f /f\nUSER 1000\nCMD ["/f"]\n',
    'app/f': '#!/f\n',
    'bin/npx': `#!/bin/sh\nshift\nexec ${process.execPath} ${program} "$@"\n`,
    'bin/tare': `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`,
    'login/.keep': '',
  })
  for (const name of ['npx', 'tare']) chmodSync(join(folder, 'bin', name), 0o755)
  const { host } = registry
  const variables = {
    ...{
      CI_REGISTRY: host,
      CI_REGISTRY_USER: 'ada',
      CI_REGISTRY_PASSWORD: 'secret',
      CI_REGISTRY_IMAGE: `${host}/team/app`,
    },
    ...{
      CI_COMMIT_SHORT_SHA: 'abc123',
      CI_PROJECT_DIR: folder,
      LOGIN_USR: 'ada',
      LOGIN_PSW: 'secret',
      BUILD_NUMBER: '7',
    },
    ...{ REGISTRY_USER: 'ada', REGISTRY_PASSWORD: 'secret', BITBUCKET_COMMIT: 'def456', BITBUCKET_CLONE_DIR: folder },
  }
  const run = (command: string, more: Record<string, string> = {}) =>
    start(['/bin/sh', '-c', command.replaceAll('registry.example', host)], {
      cwd: join(folder, 'app'),
      home: join(folder, 'home'),
      env: { ...variables, HOME: folder, PATH: `${folder}/bin:${process.env['PATH']}`, ...more },
    }).outcome
  return { registry, folder, run, host }
}

test.each(['GitLab CI', 'Jenkins', 'Bitbucket'])('the commands for %s log in and push', async (title) => {
  const at = await bench()
  const commands = commandsOf(title)
  expect(commands.length).toBeGreaterThanOrEqual(2)
  for (const command of commands)
    for (const ARCH of command.includes('$ARCH') ? ['amd64', 'arm64'] : ['']) {
      const { code, err } = await at.run(command, ARCH === '' ? {} : { ARCH })
      expect(code, `${command}\n${err}`).toBe(0)
    }
  const tags = [...at.registry.manifests.keys()].filter((name) => !name.startsWith('sha256:'))
  expect(tags).toEqual(
    expect.arrayContaining(
      { 'GitLab CI': ['abc123', 'abc123-arm64', 'latest'], Jenkins: ['7'], Bitbucket: ['def456'] }[title]!,
    ),
  )
})

test('the commands for GitHub Actions log in, push and check', async () => {
  const at = await bench()
  const given: Readonly<Record<string, string>> = {
    ...{
      'secrets.GITHUB_TOKEN': 'secret',
      'github.actor': 'ada',
      'github.repository': 'team/app',
      'github.sha': 'abc',
    },
  }
  const commands = commandsOf('GitHub Actions')
  expect(commands.length).toBeGreaterThanOrEqual(4)
  for (const command of commands) {
    const line = command.replace(/\$\{\{ ([\w.]+) \}\}/g, (_, name) => given[name]!).replaceAll('ghcr.io', at.host)
    const { code, err, out } = await at.run(line)
    expect(code, `${line}\n${err}${out}`).toBe(0)
  }
  expect(at.registry.manifests.has('abc')).toBe(true)
})

test('the script for Tekton pushes, and leaves the digest as a result', async () => {
  const at = await bench()
  const auth = Buffer.from('ada:secret').toString('base64')
  writeFiles(at.folder, { 'login/config.json': JSON.stringify({ auths: { [at.host]: { auth } } }) })
  const [script] = commandsOf('Tekton')
  const digest = join(at.folder, 'digest')
  const line = script!
    .replaceAll('$(params.name)', `${at.host}/team/app:1`)
    .replaceAll('$(results.digest.path)', digest)
    .replaceAll('/tmp/built', `${at.folder}/built`)
  const { code, err } = await at.run(line, { DOCKER_CONFIG: join(at.folder, 'login') })
  expect(code, err).toBe(0)
  expect(existsSync(digest) && at.registry.manifests.has(readFileSync(digest, 'utf8'))).toBe(true)
})

test('jobs of other pages log in and push: the readme’s, with one file, and with the flags of kaniko', async () => {
  for (const [page, count, tag] of [
    ['../../README.md', 2, 'abc123'],
    ['one-file.md', 2, 'abc123'],
    ['../kaniko.md', 1, 'v1'],
  ] as const) {
    const at = await bench()
    const auth = Buffer.from('ada:secret').toString('base64')
    const login = { 'login/config.json': JSON.stringify({ auths: { [at.host]: { auth } } }) }
    if (page.endsWith('kaniko.md')) writeFiles(at.folder, login)
    const commands = commandsOf(undefined, page)
    expect(commands, page).toHaveLength(count)
    for (const command of commands) {
      const more = {
        CI_COMMIT_TAG: 'v1',
        CI_PROJECT_DIR: join(at.folder, 'app'),
        DOCKER_CONFIG: join(at.folder, 'login'),
      }
      const { code, err } = await at.run(command, more)
      expect(code, `${page}: ${command}\n${err}`).toBe(0)
    }
    expect(at.registry.manifests.has(tag), page).toBe(true)
  }
})

test('a job keeps its cache in GitHub’s, and the next one finds it', async () => {
  const at = await bench()
  const { environment, requests } = await githubStandIn()
  // The script of the step before it is no shell's.
  const commands = commandsOf("GitHub's cache", 'caching.md').filter((line) => line.startsWith('npx '))
  expect(commands).toHaveLength(1)
  const job = (home: string) => at.run(commands[0]!, { ...environment, TARE_HOME: join(at.folder, home) })
  expect((await job('first')).code).toBe(0)
  expect(requests).toContain('PUT')
  const { code, err } = await job('second')
  expect(code, err).toBe(0)
  expect(err).toContain('CACHED')
})
