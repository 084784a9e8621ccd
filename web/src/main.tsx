import { render } from 'preact'
import { App } from './app.tsx'
import { modelOf } from './explorer.ts'
import { openSource } from './source.ts'
import { printable } from './text/printable.ts'
import './style/base.css'
import './style/layout.css'
import './style/tree.css'
import './style/pages.css'

async function start(): Promise<void> {
  const source = openSource()
  const [a, b] = await Promise.all([
    source.ask('contents/a'),
    source.images === 2 ? source.ask('contents/b') : undefined,
  ])
  document.title = `${[a, b].flatMap((one) => (one === undefined ? [] : [printable(one.name)])).join(', ')} – tare`
  const root = document.getElementById('app')!
  root.textContent = ''
  render(<App model={modelOf(a, b)} source={source} />, root)
}

start().catch((error: unknown) => {
  document.getElementById('app')!.textContent = error instanceof Error ? error.message : String(error)
})
