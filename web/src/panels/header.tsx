import { Fragment } from 'preact'
import type { Model } from '../explorer.ts'
import type { WeighResult } from '../library.ts'
import { memo } from '../memo.ts'
import { type Change, remember, type Tab, type Theme, themes } from '../state.ts'
import { countOf, percentText, sizeText } from '../text/numbers.ts'
import { printable } from '../text/printable.ts'
import { Figure } from './figure.tsx'

interface HeaderProps {
  readonly model: Model
  /** Of the first image. */
  readonly weighed: WeighResult | undefined
  readonly tab: Tab
  readonly theme: Theme
  readonly tabs: readonly TabItem[]
  readonly change: (change: Change) => void
}

export interface TabItem {
  readonly tab: Tab
  readonly name: string
  readonly note?: string | undefined
}

/** Which image this is, and the ways into it. */
export const Header = memo(({ model, weighed, tab, theme, tabs, change }: HeaderProps) => {
  const isPair = model.images.length === 2
  return (
    <header class="top">
      <div class="top-line">
        <h1 class={isPair ? 'names pair-names' : 'names'}>
          {model.images.map(({ contents }, i) => (
            <span key={i} class="image-name">
              {isPair && <span class={`side-letter side-${'AB'[i]}`}>{'AB'[i]}</span>}
              <bdi>{breakable(printable(contents.name))}</bdi>
            </span>
          ))}
        </h1>
        <div class="tools">
          <ThemeSwitch theme={theme} change={change} />
          <button
            type="button"
            class="tool"
            onClick={() => change({ showsKeys: true })}
            aria-label="Keys"
            title="Keys (?)"
          >
            ?
          </button>
        </div>
      </div>
      {!isPair && <Facts model={model} weighed={weighed} />}
      <TabList tabs={tabs} tab={tab} change={change} />
    </header>
  )
})

/** A name that goes on in the next line after a slash or a colon, if it has to. */
function breakable(name: string) {
  return name.split(/(?<=[/:@])/).map((part, i) => (
    <Fragment key={i}>
      <wbr />
      {part}
    </Fragment>
  ))
}

function Facts({ model, weighed }: { readonly model: Model; readonly weighed: WeighResult | undefined }) {
  const { layers, platform, id } = model.images[0].contents
  const size = layers.reduce((sum, { contentSize }) => sum + contentSize, 0)
  return (
    <dl class="figures">
      <Figure name="Size">{sizeText(size)}</Figure>
      <Figure name="Layers">{layers.length}</Figure>
      <Figure name="Efficiency">{weighed === undefined ? '…' : percentText(weighed.efficiency)}</Figure>
      <Figure name="Wasted">{weighed === undefined ? '…' : sizeText(weighed.wasted)}</Figure>
      <Figure name="Platform">{printable(platformText(platform))}</Figure>
      <Figure name="Image ID">
        <code>{id.slice(7, 19)}</code>
      </Figure>
    </dl>
  )
}

export function platformText({ os, architecture, variant }: Model['images'][0]['contents']['platform']): string {
  return [os, architecture, variant].filter((part) => part !== undefined).join('/')
}

export function summaryOf({ contents }: Model['images'][0]): string {
  const size = contents.layers.reduce((sum, { contentSize }) => sum + contentSize, 0)
  return `${sizeText(size)} · ${countOf(contents.layers.length, 'layer')} · ${platformText(contents.platform)}`
}

function TabList({ tabs, tab, change }: Pick<HeaderProps, 'tabs' | 'tab' | 'change'>) {
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (step === 0) return
    event.preventDefault()
    const index = tabs.findIndex((item) => item.tab === tab)
    const next = tabs[(index + step + tabs.length) % tabs.length]!
    change({ tab: next.tab })
    document.getElementById(`tab-${next.tab}`)?.focus()
  }
  return (
    <div class="tabs" role="tablist" aria-label="Views" onKeyDown={move}>
      {tabs.map(({ tab: own, name, note }) => (
        <button
          type="button"
          key={own}
          id={`tab-${own}`}
          role="tab"
          aria-selected={own === tab}
          aria-controls="view"
          tabIndex={own === tab ? 0 : -1}
          onClick={() => change({ tab: own })}
        >
          {name}
          {note !== undefined && <span class="tab-note">{note}</span>}
        </button>
      ))}
    </div>
  )
}

const themeSigns: Readonly<Record<Theme, string>> = { auto: '◐', light: '○', dark: '●' }

function ThemeSwitch({ theme, change }: Pick<HeaderProps, 'theme' | 'change'>) {
  const next = themes[(themes.indexOf(theme) + 1) % themes.length]!
  const name = theme === 'auto' ? 'as the system' : theme
  return (
    <button
      type="button"
      class="tool"
      aria-label={`Colours: ${name}. Change to ${next === 'auto' ? 'those of the system' : next}`}
      title={`Colours: ${name}`}
      onClick={() => {
        remember('tare.theme', next)
        change({ theme: next })
      }}
    >
      {themeSigns[theme]}
    </button>
  )
}
