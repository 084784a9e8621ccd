import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks'
import { compareViews, findPath, findWords, type Model, trailOf, type View, viewOf } from './explorer.ts'
import { type Keyboard, takeKey } from './key-bindings.ts'
import type { CheckResult, ImageDiff, WeighResult } from './library.ts'
import { Config } from './panels/config.tsx'
import { Differences } from './panels/differences.tsx'
import { FilesView, opened } from './panels/files-view.tsx'
import { Findings } from './panels/findings.tsx'
import { Header, type TabItem } from './panels/header.tsx'
import { Keys } from './panels/keys.tsx'
import { Space } from './panels/space.tsx'
import type { Answers, Source } from './source.ts'
import { initialState, inScope, reduce, remember, type State, spanOf } from './state.ts'
import { printable } from './text/printable.ts'
import { paletteOf, rankTypes } from './treemap/colours.ts'

/** An answer, when it is there. */
export interface Answer<T> {
  readonly value?: T
  readonly failure?: string
}

/** Asks once, after the first picture. */
function useAnswer<K extends keyof Answers>(source: Source, name: K, isWanted: boolean): Answer<Answers[K]> {
  const [answer, setAnswer] = useState<Answer<Answers[K]>>({})
  useEffect(() => {
    if (!isWanted) return
    source.ask(name).then(
      (value) => setAnswer({ value }),
      (error: Error) => setAnswer({ failure: error.message }),
    )
  }, [])
  return answer
}

/** The page over one image, or two. */
export function App({ model, source }: { readonly model: Model; readonly source: Source }) {
  const { tree, images } = model
  const isPair = images.length === 2
  const [state, change] = useReducer(reduce, model, initialState)
  const palette = paletteOf(useDark(state.theme))
  const weighed = [useAnswer(source, 'weigh/a', true), useAnswer(source, 'weigh/b', isPair)]
  const checked = [useAnswer(source, 'check/a', true), useAnswer(source, 'check/b', isPair)]
  const diff = useAnswer(source, 'diff', isPair)
  const own = useMemo(
    () => images.map((image) => viewOf(image, spanOf(state.scope, image.contents.layers.length))),
    [model, state.scope],
  )
  const views = useMemo(
    () => (isPair ? compareViews(own as unknown as [View, View], diff.value) : own),
    [own, diff.value],
  )
  const matches = useMemo(() => findWords(views, state.query), [views, state.query])
  const typeNames = useMemo(() => {
    const { fileTypes } = views[0]!.image.contents
    return rankTypes(views[0]!, palette.types.length).map(({ type }) => fileTypes[type]!)
  }, [views[0]!.image])
  const tabs = useMemo(() => tabsOf(isPair, checked), checked)

  const keyboard = useRef<Keyboard | undefined>(undefined)
  keyboard.current = { state, change, model, views, tabs: tabs.map(({ tab }) => tab) }
  useLayoutEffect(() => {
    const hear = (event: KeyboardEvent) => takeKey(event, keyboard.current!)
    document.addEventListener('keydown', hear)
    return () => document.removeEventListener('keydown', hear)
  }, [])

  const showPath = (path: string) => {
    const node = findPath(tree, path)
    if (node === undefined) return
    change(({ open }) => ({
      ...{
        tab: 'files',
        selected: node,
        query: '',
        ...(isPair ? {} : inScope({ kind: 'all' }, images[0].contents.layers.length)),
      },
      ...{ root: tree.parent[node] ?? 0, open: opened(open, trailOf(tree, node)) },
    }))
  }
  const labels = images.map(({ contents }, i) => (isPair ? `${'AB'[i]}: ${printable(contents.name)}` : undefined))
  return (
    <>
      <a class="skip" href="#view">
        Skip to the files
      </a>
      <Header
        model={model}
        weighed={weighed[0]!.value}
        tab={state.tab}
        theme={state.theme}
        tabs={tabs}
        change={change}
      />
      <main>
        <div id="view" role="tabpanel" aria-labelledby={`tab-${state.tab}`} tabIndex={-1}>
          {state.tab === 'files' && (
            <FilesView {...{ model, views, state, palette, matches, typeNames, change }} weighed={weighed[0]!.value} />
          )}
          {state.tab === 'differences' && (
            <Waiting answers={[diff]}>{([found]) => <Differences diff={found as ImageDiff} />}</Waiting>
          )}
          {state.tab === 'space' && (
            <Waiting answers={weighed.slice(0, images.length)}>
              {(values) =>
                values.map((value, i) => (
                  <Space key={i} weighed={value as WeighResult} label={labels[i]} onPath={showPath} />
                ))
              }
            </Waiting>
          )}
          {state.tab === 'findings' && (
            <Waiting answers={checked.slice(0, images.length)}>
              {(values) =>
                values.map((value, i) => (
                  <Findings key={i} checked={value as CheckResult} label={labels[i]} onPath={showPath} />
                ))
              }
            </Waiting>
          )}
          {state.tab === 'config' &&
            images.map(({ contents }, i) => (
              <Config
                key={i}
                contents={contents}
                label={labels[i]}
                onLayer={(layer) =>
                  change(
                    isPair
                      ? { tab: 'files' }
                      : { tab: 'files', ...inScope({ kind: 'only', layer }, contents.layers.length) },
                  )
                }
              />
            ))}
        </div>
      </main>
      {state.showsKeys && (
        <Keys
          hasKeys={state.hasKeys}
          onSwitch={(hasKeys) => {
            remember('tare.keys', hasKeys ? 'on' : 'off')
            change({ hasKeys })
          }}
          onClose={() => change({ showsKeys: false })}
        />
      )}
    </>
  )
}

function tabsOf(isPair: boolean, checked: readonly Answer<CheckResult>[]): readonly TabItem[] {
  const found = checked.flatMap(({ value }) => value?.findings ?? []).filter(({ severity }) => severity !== 'note')
  return [
    { tab: 'files', name: 'Files' },
    ...(isPair ? [{ tab: 'differences', name: 'Differences' } as const] : []),
    { tab: 'space', name: 'Space' },
    { tab: 'findings', name: 'Findings', note: found.length === 0 ? undefined : String(found.length) },
    { tab: 'config', name: 'Config and history' },
  ]
}

interface WaitingProps<T> {
  readonly answers: readonly Answer<T>[]
  readonly children: (values: readonly T[]) => ComponentChildren
}

function Waiting<T>({ answers, children }: WaitingProps<T>) {
  const failure = answers.find((answer) => answer.failure !== undefined)?.failure
  if (failure !== undefined)
    return (
      <p class="page large-text" role="alert">
        {printable(failure)}
      </p>
    )
  if (answers.some(({ value }) => value === undefined))
    return (
      <p class="page quiet" role="status">
        Reading the image …
      </p>
    )
  return <>{children(answers.map(({ value }) => value!))}</>
}

/** Whether the page is dark; it says so to the style, too. */
function useDark(theme: State['theme']): boolean {
  const query = useMemo(() => matchMedia('(prefers-color-scheme: dark)'), [])
  const [isDark, setDark] = useState(query.matches)
  useEffect(() => {
    const hear = () => setDark(query.matches)
    query.addEventListener('change', hear)
    return () => query.removeEventListener('change', hear)
  }, [])
  document.documentElement.style.colorScheme = theme === 'auto' ? 'light dark' : theme
  return theme === 'auto' ? isDark : theme === 'dark'
}
