// Times the page of `tare explore` in Chromium, over 200,000 files in 30 layers: until its first picture, and the frames of a zoom.
//
//   node bench/page.js [--runs N] [--browser PATH]
//
// Inputs are kept in bench/work ($BENCH_WORK).
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'
import { makeInput } from './inputs.js'

const here = dirname(fileURLToPath(import.meta.url))
const work = process.env.BENCH_WORK ?? join(here, 'work')
const { values } = parseArgs({
  options: { runs: { type: 'string', default: '7' }, browser: { type: 'string', default: '/usr/bin/chromium' } },
})
const scratch = join(work, 'scratch')
mkdirSync(scratch, { recursive: true })
const file = join(scratch, 'page.html')
const tare = (...args) =>
  execFileSync(process.execPath, [join(here, '../bin/tare.js'), ...args], {
    env: { ...process.env, TARE_HOME: join(scratch, 'page-home') },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
tare('build', '-q', '-t', 'bench-many', await makeInput(work, 'many'))
tare('explore', '--html', file, 'bench-many')

const browser = await chromium.launch({ executablePath: values.browser, args: ['--no-sandbox'] })
const page = await browser.newPage({ viewport: { width: 1280, height: 820 } })
const opened = []
const frames = []
const trace = join(scratch, 'page-trace.json')
for (let run = 0; run < Number(values.runs); run++) {
  await page.goto(pathToFileURL(file).href)
  await page.locator('canvas[data-tiles]').waitFor()
  // Two frames later it has been seen.
  opened.push(
    await page.evaluate(
      `new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now()))))`,
    ),
  )
  await page.evaluate(`{
    window.frames_ = []
    let last = performance.now()
    requestAnimationFrame(function step(now) {
      window.frames_.push(now - last)
      last = now
      requestAnimationFrame(step)
    })
  }`)
  const isLast = run === Number(values.runs) - 1
  if (isLast) await browser.startTracing(page, { path: trace, categories: ['toplevel'] })
  // Into usr, into what is in it, and out again.
  for (const act of [
    () => page.mouse.click(340, 250),
    () => page.mouse.click(345, 270),
    () => page.keyboard.press('Backspace'),
  ]) {
    await act()
    await page.waitForTimeout(600)
  }
  frames.push(...(await page.evaluate('window.frames_')))
}
await browser.stopTracing()
await browser.close()

// A busy machine makes frames longer, but not this.
const tasks = JSON.parse(readFileSync(trace, 'utf8')).traceEvents.map(({ tdur = 0 }) => tdur / 1000)

const at = (numbers, share) => numbers.sort((a, b) => a - b)[Math.floor((numbers.length - 1) * share)]
console.log(
  `first picture   ${at(opened, 0.5).toFixed(0)} ms, median of ${opened.length} (${at(opened, 0).toFixed(0)} .. ${at(opened, 1).toFixed(0)})`,
)
console.log(
  `frames of zooms ${at(frames, 0.5).toFixed(1)} ms, 99 % under ${at(frames, 0.99).toFixed(0)} ms, the longest ${at(frames, 1).toFixed(0)} ms`,
)
console.log(`the most that a thread of the browser computes in one go while it zooms: ${at(tasks, 1).toFixed(1)} ms`)
