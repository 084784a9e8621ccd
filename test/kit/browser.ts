import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { onTestFinished } from 'vitest'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The Chromium of this machine; undefined, aloud, where there is none. */
export const chromiumPath = (process.env['PATH'] ?? '')
  .split(delimiter)
  .flatMap((folder) => names.map((name) => join(folder, name)))
  .find((path) => existsSync(path))
if (chromiumPath === undefined) console.warn('skipped: there is no Chromium on this machine')

export interface Surroundings {
  readonly width: number
  readonly height: number
  readonly dark?: boolean
}

/** A page, and everything that it said and asked for. */
export interface Visit {
  readonly page: Page
  /** Messages of the console, and errors. */
  readonly said: readonly string[]
  /** Addresses. */
  readonly asked: readonly string[]
}

/** A browser for as long as a file of tests runs. */
export async function openBrowser(): Promise<Browser> {
  // The sandbox of Chromium needs what a container may not give; the pages are ours.
  return chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox', '--disable-gpu'] })
}

/** Opens an address in a window of its own for as long as the test runs. */
export async function visit(browser: Browser, address: string, { width, height, dark }: Surroundings): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark === true ? 'dark' : 'light',
    reducedMotion: 'no-preference',
  })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  const [said, asked]: [string[], string[]] = [[], []]
  page.on('console', (message) => said.push(message.text()))
  page.on('pageerror', (error) => said.push(String(error)))
  page.on('request', (request) => asked.push(request.url()))
  await page.goto(address)
  await page.locator('main').waitFor()
  return { page, said, asked }
}
