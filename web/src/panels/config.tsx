import type { ImageContents } from '../library.ts'
import { instructionOf } from '../text/instruction.ts'
import { sizeText, timeText } from '../text/numbers.ts'
import { printable } from '../text/printable.ts'
import { platformText } from './header.tsx'

interface ConfigProps {
  readonly contents: ImageContents
  readonly label: string | undefined
  readonly onLayer: (layer: number) => void
}

/** The config as people read it, and the history. */
export function Config({ contents, label, onLayer }: ConfigProps) {
  return (
    <div class="page">
      {label !== undefined && <h2 class="side-heading">{label}</h2>}
      <div class="columns">
        <section class="list">
          <h2>Config</h2>
          <dl class="config">
            {linesOf(contents).map(([term, values]) => (
              <div key={term}>
                <dt>{term}</dt>
                <dd>
                  {values.map((value, i) => (
                    <code key={i}>{printable(value)}</code>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </section>
        <History contents={contents} onLayer={onLayer} />
      </div>
    </div>
  )
}

function History({ contents, onLayer }: Pick<ConfigProps, 'contents' | 'onLayer'>) {
  const { history, layers } = contents
  return (
    <section class="list">
      <h2>History</h2>
      {history.length === 0 && <p class="quiet">The config has none.</p>}
      <ol class="history">
        {history.map(({ created, createdBy, comment, layer }, i) => {
          const { keyword, rest } = instructionOf(createdBy)
          return (
            <li key={i}>
              <p class="history-instruction">
                <b>{keyword}</b> {rest}
              </p>
              <p class="quiet">
                {layer === undefined ? (
                  'no layer'
                ) : (
                  <button type="button" class="path" onClick={() => onLayer(layer)}>
                    layer {layer}, {sizeText(layers[layer - 1]?.contentSize ?? 0)}
                  </button>
                )}
                {created !== undefined && ` · ${printable(timeText(created))}`}
                {comment !== undefined && comment !== '' && ` · ${printable(comment)}`}
              </p>
            </li>
          )
        })}
      </ol>
    </section>
  )
}

function linesOf({
  config,
  id,
  digest,
  platform,
  created,
  author,
}: ImageContents): readonly (readonly [string, readonly string[]])[] {
  const given = config as unknown as Readonly<Record<string, unknown>>
  const lines = Object.keys(given).flatMap((member) => {
    const values = valuesOf(given[member])
    return values.length === 0 ? [] : [[wordsOf(member), values] as const]
  })
  return [
    ...lines,
    ...(author === undefined || author === '' ? [] : [['Author', [author]] as const]),
    ...(created === undefined ? [] : [['Created', [timeText(created)]] as const]),
    ['Platform', [platformText(platform)]],
    ['Image ID', [id]],
    ['Digest', [digest]],
  ]
}

/** `WorkingDir` becomes `Working dir`. */
function wordsOf(member: string): string {
  const words = member.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase()
  return printable(words.charAt(0).toUpperCase() + words.slice(1))
}

function valuesOf(value: unknown): readonly string[] {
  if (value === null || value === undefined || value === '' || value === false) return []
  if (Array.isArray(value)) return isCommand(value) ? [JSON.stringify(value)] : value.map(textOf)
  if (typeof value !== 'object') return [String(value)]
  return Object.entries(value).map(([key, own]) =>
    typeof own === 'object' && own !== null && Object.keys(own).length === 0 ? key : `${key}=${textOf(own)}`,
  )
}

/** A list that is one thing: `["/bin/sh"]`; not `["A=1", "B=2"]`. */
function isCommand(list: readonly unknown[]): boolean {
  return list.length > 0 && !list.every((one) => typeof one === 'string' && /^\w+=/.test(one))
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
