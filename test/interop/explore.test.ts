import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { openTare, type Tare } from '../../src/index.ts'
import { answersOf, servePage, wholePage } from '../../src/web/index.ts'
import { chromiumPath, openBrowser, visit } from '../kit/browser.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const wide = { width: 1280, height: 820 }
const narrow = { width: 390, height: 844 }
const script = '<img src=x onerror=alert(1)>'

describe.skipIf(chromiumPath === undefined)('the page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tare-page-'))
  let browser: Browser
  let tare: Tare

  /** Builds an image of instructions over files of a context. */
  const build = async (name: string, dockerfile: string, files: Readonly<Record<string, string>>) => {
    const context = join(folder, name)
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(context, path, '..'), { recursive: true })
      writeFileSync(join(context, path), text)
    }
    await tare.build({ context: { kind: 'directory', path: context }, dockerfile: { text: dockerfile }, tags: [name] })
  }

  beforeAll(async () => {
    browser = await openBrowser()
    tare = await openTare({ home: join(folder, 'home'), environment: {} })
    const files = {
      'one/usr/bin/tool': 'x'.repeat(50_000),
      'one/usr/lib/libtool.so': 'y'.repeat(20_000),
      'one/etc/motd': 'hello',
      'one/etc/passwd': 'app:x:1000:1000::/:/bin/sh\n',
      'two/usr/bin/tool': 'z'.repeat(60_000),
      'two/srv/app.js': 'j'.repeat(9_000),
      [`two/srv/${script}`]: 's'.repeat(4_000),
      'two/srv/\u202egpj.exe': 'e'.repeat(3_000),
    }
    const text = 'FROM scratch\nCOPY one /\nCOPY two /\nLABEL a="<b>bold</b>"\nCMD ["/usr/bin/tool"]\n'
    await build('first', text, files)
    await build('second', `${text}COPY three /\n`, {
      ...files,
      'three/etc/motd': 'HELLO',
      'three/opt/new': 'n'.repeat(7_000),
    })
    await build('empty', 'FROM scratch\nCMD ["/x"]\n', { none: '' })
    await build('hollow', 'FROM scratch\nCOPY one /\nWORKDIR /usr/bin\n', { 'one/usr/bin/tool': 'x' })
  })
  afterAll(() => browser?.close())

  const served = async (a: string, b?: string): Promise<string> => {
    const server = await servePage(answersOf(tare, { a, b }))
    onTestFinished(() => server.close())
    return server.address
  }
  const row = (page: Page, name: string) => page.getByRole('treeitem').filter({ hasText: name })
  const rows = (page: Page) => page.locator('.tree-name').allTextContents()

  test('shows layers, tree and treemap, asks no other host, and has nothing to complain of', async () => {
    const address = await served('first')
    const { page, said, asked } = await visit(browser, address, wide)
    await expect.poll(() => page.title()).toBe('first – tare')
    expect(await page.locator('h1').textContent()).toBe('first')
    expect(await page.locator('.layer').count()).toBe(2)
    expect(await page.locator('.layer').nth(1).textContent()).toMatch(/COPY two \/.*\+3 added.*~1 changed/)
    await expect.poll(() => rows(page)).toEqual(['usr', 'srv', 'etc'])
    await row(page, 'usr').click()
    await expect.poll(() => rows(page)).toEqual(['usr', 'bin', 'lib', 'srv', 'etc'])
    expect(Number(await page.locator('canvas').getAttribute('data-tiles'))).toBeGreaterThan(8)
    await expect.poll(() => page.locator('.figures').first().textContent()).toMatch(/Wasted50\.0\s*kB/)
    expect(asked.every((url) => url.startsWith(address) || url.startsWith('data:'))).toBe(true)
    expect(said).toEqual([])
  })

  test('zooms into a directory and out again, and draws every step', async () => {
    const { page, said } = await visit(browser, await served('first'), wide)
    const canvas = page.locator('canvas')
    const pixels = () => page.evaluate<string>(`document.querySelector('canvas').toDataURL()`)
    const before = await pixels()
    const place = await canvas.boundingBox()
    // The name of the largest directory is at the upper left.
    await canvas.click({ position: { x: 20, y: 8 } })
    await expect.poll(() => canvas.getAttribute('data-root')).toBe('/usr')
    await expect.poll(() => canvas.getAttribute('data-zooming')).toBe(null)
    expect(await pixels()).not.toBe(before)
    await expect.poll(() => page.getByRole('navigation').textContent()).toBe('/usr')
    await row(page, 'usr').click()
    await row(page, 'bin').click()
    await page.locator('.tree').press('Enter')
    await expect.poll(() => canvas.getAttribute('data-root')).toBe('/usr/bin')
    // However long the path above it: another size would be another picture, with no way to it.
    expect(await canvas.boundingBox()).toEqual(place)
    for (const root of ['/usr', '/']) {
      await page.keyboard.press('Backspace')
      await expect.poll(() => canvas.getAttribute('data-root')).toBe(root)
    }
    await expect.poll(() => canvas.getAttribute('data-zooming')).toBe(null)
    expect(said).toEqual([])
  })

  test('finds files, and says how many', async () => {
    const { page } = await visit(browser, await served('first'), wide)
    await page.getByRole('searchbox').fill('tool')
    await expect.poll(() => rows(page)).toEqual(['usr', 'bin', 'tool', 'lib', 'libtool.so'])
    expect(await page.locator('.search-line').getByRole('status').textContent()).toBe('2 matches')
    await page.getByRole('searchbox').fill('lib/ tool')
    await expect.poll(() => rows(page)).toEqual(['usr', 'lib', 'libtool.so'])
    await page.getByRole('searchbox').fill('nothing like it')
    await expect.poll(() => rows(page)).toEqual([])
    await page.keyboard.press('Escape')
    await expect.poll(() => rows(page)).toEqual(['usr', 'srv', 'etc'])
  })

  test('shows what one layer did, and all up to one', async () => {
    const { page } = await visit(browser, await served('first'), wide)
    await page.locator('.layer').nth(1).click()
    await expect.poll(() => rows(page)).toEqual(['usr', 'srv'])
    await row(page, 'srv').click()
    await expect.poll(() => row(page, 'app.js').getAttribute('class')).toContain('added')
    await page.getByRole('button', { name: 'Up to it' }).click()
    await page.locator('.layer').nth(0).click()
    await expect.poll(() => rows(page)).toEqual(['usr', 'etc'])
    await row(page, 'usr').click()
    await row(page, 'bin').click()
    await row(page, 'tool').first().click()
    await expect
      .poll(() => page.locator('.details').textContent())
      .toMatch(/\/usr\/bin\/tool.*50\.0\s*kB.*added in layer 1.*changed in layer 2: content/)
  })

  test('two images stand side by side, with what is different', async () => {
    const { page, said } = await visit(browser, await served('first', 'second'), wide)
    expect(await page.locator('h1').textContent()).toBe('AfirstBsecond')
    expect(await page.locator('canvas').count()).toBe(2)
    await page.getByLabel('Only differences').check()
    await expect.poll(() => rows(page)).toEqual(['opt', 'etc'])
    await row(page, 'etc').click()
    await expect.poll(() => row(page, 'motd').getAttribute('class')).toContain('changed')
    expect(await row(page, 'opt').textContent()).toMatch(/\+.*added.*\+7\.00/)
    await row(page, 'opt').click()
    await page.locator('.tree').press('Enter')
    expect(await page.locator('canvas').evaluateAll((all) => all.map((one) => one.getAttribute('data-root')))).toEqual([
      '/opt',
      '/opt',
    ])
    await page.getByRole('tab', { name: 'Differences' }).click()
    await expect
      .poll(() => page.locator('main').textContent())
      .toMatch(/From A to B: 2 paths added, \d changed, 0 removed; \+7\.00\s*kB/)
    expect(said).toEqual([])
  })

  test('everything can be reached by keys alone', async () => {
    const { page } = await visit(browser, await served('first'), wide)
    const focused = () => page.evaluate<string>('document.activeElement.className || document.activeElement.id')
    for (let i = 0; i < 40 && (await focused()) !== 'tree'; i++) await page.keyboard.press('Tab')
    await expect.poll(() => focused()).toBe('tree')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    await expect.poll(() => page.locator('[aria-selected=true][role=treeitem]').textContent()).toContain('bin')
    expect(await page.locator('.tree').getAttribute('aria-activedescendant')).toBe(
      await page.locator('[aria-selected=true][role=treeitem]').getAttribute('id'),
    )
    await page.keyboard.press('Enter')
    await expect.poll(() => page.locator('canvas').getAttribute('data-root')).toBe('/usr/bin')
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('ArrowLeft')
    await expect.poll(() => rows(page)).toEqual(['usr', 'srv', 'etc'])
    await page.keyboard.press('/')
    await expect.poll(() => focused()).toBe('search')
    await page.keyboard.type('motd')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.locator('.details').textContent()).toContain('/etc/motd')
    await page.keyboard.press(']')
    await expect.poll(() => page.locator('.layer[aria-pressed=true]').textContent()).toContain('COPY one')
    await page.keyboard.press('?')
    await expect.poll(() => page.getByRole('dialog').textContent()).toContain('Search')
    await page.keyboard.press('Escape')
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0)
    for (const [key, text] of [
      ['2', 'Replaced or removed'],
      ['3', 'It does not start'],
      ['4', 'COPY one'],
    ] as const) {
      await page.keyboard.press(key)
      await expect.poll(() => page.locator('main').textContent()).toContain(text)
    }
    await page.getByRole('tab', { name: 'Config' }).focus()
    await page.keyboard.press('ArrowRight')
    await expect.poll(() => page.getByRole('tab', { selected: true }).textContent()).toBe('Files')
  })

  test('single keys can be switched off', async () => {
    const { page } = await visit(browser, await served('first'), wide)
    await page.keyboard.press('?')
    await page.getByRole('checkbox').uncheck()
    await page.getByRole('button', { name: 'Close' }).click()
    await page.keyboard.press('2')
    await expect.poll(() => page.getByRole('tab', { selected: true }).textContent()).toBe('Files')
  })

  test('names and labels are text, whatever is in them', async () => {
    const { page, said } = await visit(browser, await served('first'), wide)
    page.on('dialog', () => expect.unreachable('a name was run'))
    await row(page, 'srv').click()
    await expect.poll(() => rows(page)).toContain(script)
    // What would turn the name around is written out.
    await expect.poll(() => rows(page)).toContain('\\u202egpj.exe')
    expect(await page.locator('img').count()).toBe(0)
    await page.keyboard.press('4')
    await expect.poll(() => page.locator('main').textContent()).toContain('a=<b>bold</b>')
    expect(said).toEqual([])
  })

  test('names that are long, deep or written from right to left leave everything in its place', async () => {
    const long = 'long'.repeat(50)
    const files = { [`f/${'deep/'.repeat(30)}end`]: 'x'.repeat(900), [`f/${long}`]: 'l'.repeat(800), 'f/العربية': 'a' }
    const name = `registry.example.com/${'a-team/'.repeat(12)}app:1`
    await build(name, 'FROM scratch\nCOPY f /\n', files)
    for (const size of [wide, narrow]) {
      const { page } = await visit(browser, await served(name), size)
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(size.width)
      // All of it is in sight, however high the name is.
      if (size === wide) expect(await page.evaluate<number>('document.documentElement.scrollHeight')).toBe(size.height)
      await row(page, 'deep').first().click()
      await page.locator('.tree').press('End')
      await row(page, 'end').click()
      await page.locator('.tree').press('Enter')
      await expect
        .poll(() => page.locator('canvas').getAttribute('data-root'))
        .toBe(`/${'deep/'.repeat(30).slice(0, -1)}`)
      const place = async (selector: string) => (await page.locator(selector).last().boundingBox())!
      const head = await place('.picture-head')
      for (const selector of ['.trail', '.picture-head .segments', '.trail [aria-current]']) {
        const { x, width } = await place(selector)
        expect(x, selector).toBeGreaterThanOrEqual(head.x - 1)
        expect(x + width, selector).toBeLessThanOrEqual(head.x + head.width + 1)
      }
      const tree = await place('.tree')
      const bytes = await page
        .locator('.tree-size')
        .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().right))
      for (const right of bytes) expect(right).toBeLessThanOrEqual(tree.x + tree.width)
      const starts = await page.evaluate<number[]>(`
        [...document.querySelectorAll('.tree-row[aria-level="1"] .tree-name')].map((one) => {
          const range = document.createRange()
          range.selectNodeContents(one)
          return range.getBoundingClientRect().left
        })`)
      expect(new Set(starts.map(Math.round)).size, starts.join()).toBe(1)
    }
  })

  test('an image without layers and one with an empty layer are shown as they are', async () => {
    const empty = await visit(browser, await served('empty'), wide)
    expect(await empty.page.locator('main').textContent()).toMatch(/no layers.*Nothing here takes up space/)
    await expect.poll(() => rows(empty.page)).toEqual([])
    for (const key of ['[', 'u', '2', '3', '4', '1', 'c']) await empty.page.keyboard.press(key)
    const hollow = await visit(browser, await served('hollow'), wide)
    await hollow.page.locator('.layer').nth(1).click()
    await expect.poll(() => hollow.page.locator('main').textContent()).toContain('Nothing here takes up space')
    expect([...empty.said, ...hollow.said]).toEqual([])
  })

  test('a page in a file needs nobody', async () => {
    const file = join(folder, 'page.html')
    for (const b of [undefined, 'second']) {
      writeFileSync(file, await wholePage(answersOf(tare, { a: 'first', b })))
      const { page, said, asked } = await visit(browser, pathToFileURL(file).href, wide)
      await expect.poll(() => rows(page)).toContain('usr')
      await page.keyboard.press('3')
      await page.keyboard.press('2')
      await expect.poll(() => page.locator('main').textContent()).toMatch(/Wasted|From A to B/)
      expect(asked.filter((url) => !url.startsWith('data:'))).toEqual([pathToFileURL(file).href])
      expect(said).toEqual([])
    }
  })

  for (const dark of [false, true])
    for (const size of [wide, narrow])
      test(`is accessible, ${dark ? 'dark' : 'light'}, ${size.width} pixels wide`, async () => {
        for (const b of [undefined, 'second']) {
          const { page } = await visit(browser, await served('first', b), { ...size, dark })
          // Scrolls in itself only.
          expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(size.width)
          await row(page, 'usr').click()
          if (b === undefined) await page.locator('.layer').nth(1).click()
          const tabs = await page.getByRole('tab').count()
          for (let tab = 0; tab < tabs; tab++) {
            await page.getByRole('tab').nth(tab).click()
            await expect.poll(() => page.getByText('Reading the image').count()).toBe(0)
            expect(await violations(page), (await page.getByRole('tab').nth(tab).textContent()) ?? '').toEqual([])
          }
          await page.getByRole('button', { name: 'Keys' }).click()
          expect(await violations(page)).toEqual([])
        }
      })
})

interface AxeResult {
  readonly passes: readonly unknown[]
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[]
}

/** What axe finds: the rule, and where. */
async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe)
  const found = await page.evaluate<AxeResult>('axe.run()')
  // It has looked at the page.
  expect(found.passes.length).toBeGreaterThan(15)
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}
