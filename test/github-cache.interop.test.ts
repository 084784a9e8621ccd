import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { noise, temporaryFolder } from './kit/cli.ts'
import { githubStandIn } from './kit/github-cache.ts'

// What the stand-in for GitHub's cache service is worth: GitHub's own client works with it.

test('@actions/cache saves and restores with the stand-in', async () => {
  const github = await githubStandIn()
  const folder = temporaryFolder()
  Object.assign(process.env, github.environment, {
    ACTIONS_CACHE_SERVICE_V2: 'true',
    RUNNER_TEMP: folder,
    GITHUB_WORKSPACE: folder,
  })
  const { restoreCache, saveCache } = await import('@actions/cache')
  const file = join(folder, 'file')
  const bytes = noise(300_000)
  writeFileSync(file, bytes)
  await saveCache([file], 'key-1')
  expect([...github.entries.keys()]).toEqual(['key-1'])
  rmSync(file)
  expect(await restoreCache([file], 'key-2', ['key-'])).toBe('key-1')
  expect(readFileSync(file).equals(bytes)).toBe(true)
  expect(await restoreCache([file], 'other')).toBeUndefined()
})
