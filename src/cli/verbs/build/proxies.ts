import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../failure.ts'

const settings: Readonly<Record<string, string>> = {
  ...{ HTTP_PROXY: 'httpProxy', HTTPS_PROXY: 'httpsProxy', FTP_PROXY: 'ftpProxy' },
  ...{ NO_PROXY: 'noProxy', ALL_PROXY: 'allProxy' },
}

type Arguments = Readonly<Record<string, string | undefined>>

/**
 * Adds the proxies that docker's config.json sets for every build; explicit arguments take precedence. (docker reference,
 * "Configure the Docker client to use a proxy server")
 */
export function withProxies(given: Arguments, env: NodeJS.ProcessEnv): Arguments {
  const found: Record<string, string> = {}
  for (const [name, value] of Object.entries(readProxies(env)))
    for (const spelling of [name, name.toLowerCase()]) if (!Object.hasOwn(given, spelling)) found[spelling] = value
  return { ...found, ...given }
}

function readProxies(env: NodeJS.ProcessEnv): Record<string, string> {
  const folder = env['DOCKER_CONFIG'] || (env['HOME'] ? join(env['HOME'], '.docker') : undefined)
  if (folder === undefined) return {}
  const path = join(folder, 'config.json')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return {}
  }
  const proxies = (parse(text, path) as { proxies?: { default?: Record<string, unknown> } } | null)?.proxies?.default
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, key]) => {
      const value = proxies?.[key]
      return typeof value === 'string' && value !== '' ? [[name, value]] : []
    }),
  )
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${(error as Error).message}`, {
      remedy: 'It configures proxies for builds. Fix it, or set DOCKER_CONFIG to another folder.',
    })
  }
}
