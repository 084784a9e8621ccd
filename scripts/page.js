import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'

// Browsers with light-dark(), all since May 2024.
const target = ['chrome123', 'firefox120', 'safari17.5']

/** Bundles web/ into one document, which asks nobody for anything. Its data block and its policy are completed when it is shown. */
export async function buildPage(root) {
  const folder = join(root, 'web')
  const { output } = await build({
    root: folder,
    configFile: false,
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      ...{ write: false, target, cssTarget: target, modulePreload: false },
      rollupOptions: { input: join(folder, 'src/main.tsx') },
    },
  })
  // What would end a script that is written into a document.
  const script = output
    .find(({ type }) => type === 'chunk')
    .code.trim()
    .replace(/<(?=\/script|!--)/gi, '\\x3c')
  const style = String(output.find(({ fileName }) => fileName.endsWith('.css')).source).trim()
  const policy = [
    ...["default-src 'none'", `script-src '${hashOf(script)}'`, `style-src '${hashOf(style)}'`, 'img-src data:'],
    ...["connect-src 'none'", "base-uri 'none'", "form-action 'none'"],
  ].join('; ')
  return readFileSync(join(folder, 'index.html'), 'utf8')
    .replace(
      '<meta charset="utf-8">',
      (tag) => `${tag}\n    <meta http-equiv="Content-Security-Policy" content="${policy}">`,
    )
    .replace(/ *<script type="module".*\n/, () => `    <style>${style}</style>\n`)
    .replace('  </body>', (tag) => `    <script type="module">${script}</script>\n${tag}`)
}

const hashOf = (text) => `sha256-${createHash('sha256').update(text).digest('base64')}`
