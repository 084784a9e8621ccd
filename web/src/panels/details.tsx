import { changesOf, type ExploredImage, isDirectory, layerOf, pathOf, type View } from '../explorer.ts'
import { memo } from '../memo.ts'
import { type Change, zoomed } from '../state.ts'
import { instructionOf } from '../text/instruction.ts'
import { countOf, modeText, secondsText, sizeText } from '../text/numbers.ts'
import { printable } from '../text/printable.ts'

interface DetailsProps {
  readonly views: readonly View[]
  readonly node: number
  readonly root: number
  readonly change: (change: Change) => void
}

const typeNames = ['file', 'directory', 'symlink', 'character device', 'block device', 'named pipe']
const differences = ['type', 'content', 'target', 'device', 'mode', 'owner', 'time', 'attributes']

/** What is known of a path, and what each layer did to it. */
export const Details = memo(({ views, node, root, change }: DetailsProps) => {
  const { tree } = views[0]!.image
  const isFolder = views.some((view) => isDirectory(view, node))
  const path = printable(pathOf(tree, node))
  const slash = path.lastIndexOf('/') + 1
  return (
    <section class="details" aria-label="Details">
      <h2 class="details-path">
        <bdi>
          <span class="quiet">{path.slice(0, slash)}</span>
          <wbr />
          {path.slice(slash)}
        </bdi>
      </h2>
      <div class={views.length === 2 ? 'pair' : ''}>
        {views.map((view, i) => (
          <Side key={i} view={view} node={node} label={views.length === 2 ? 'AB'[i]! : undefined} />
        ))}
      </div>
      {isFolder && node !== root && tree.end[node]! > node + 1 && (
        <button type="button" class="plain" onClick={() => change(zoomed(node))}>
          Show in the treemap
        </button>
      )}
    </section>
  )
})

interface SideProps {
  readonly view: View
  readonly node: number
  readonly label: string | undefined
}

function Side({ view, node, label }: SideProps) {
  const { contents } = view.image
  const { changes, owners, targets, fileTypes } = contents
  const at = view.change[node]!
  const lines: (readonly [string, string])[] = []
  if (isDirectory(view, node))
    lines.push(['Holds', `${sizeText(view.total[node]!)} in ${countOf(view.files[node]!, 'file')}`])
  if (at >= 0) {
    const type = changes.type[at]!
    const owner = owners[changes.owner[at]!]!
    if (type === 0) lines.push(['Size', `${sizeText(changes.size[at]!)}, ${fileTypes[changes.fileType[at]!]!}`])
    else if (type > 1) lines.push(['Type', typeNames[type]!])
    if (targets[at] !== undefined) lines.push(['Target', printable(targets[at]!)])
    if (changes.linked[at]! > 0) lines.push(['Links', 'it has other names, and counts once'])
    lines.push(['Mode', `${modeText(changes.mode[at]!)}  ${changes.mode[at]!.toString(8).padStart(4, '0')}`])
    lines.push(['Owner', owner.join(':')])
    lines.push(['Modified', secondsText(changes.modified[at]!)])
  }
  return (
    <div>
      {label !== undefined && <h3 class={`side-letter side-${label}`}>{label}</h3>}
      {label !== undefined && at < 0 && lines.length === 0 && <p class="quiet">Not there.</p>}
      <dl class="facts">
        {lines.map(([term, text]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <Life image={view.image} node={node} now={layerOf(view, node)} />
    </div>
  )
}

/** The life of a path. */
function Life({ image, node, now }: { readonly image: ExploredImage; readonly node: number; readonly now: number }) {
  const { changes, layers } = image.contents
  // A directory that a layer mentions on the way to others is no event.
  const life = changesOf(image, node).filter((at) => changes.type[at] !== 1 || changes.change[at] !== 2)
  if (life.length === 0) return null
  return (
    <ol class="life">
      {life.map((at) => {
        const layer = changes.layer[at]!
        const word = ['added', 'changed', 'rewritten', 'removed'][changes.change[at]!]!
        const what = differences.filter((_, bit) => (changes.differences[at]! & (1 << bit)) !== 0).join(', ')
        const { keyword, rest } = instructionOf(layers[layer - 1]?.createdBy)
        return (
          <li key={at} class={layer === now ? 'current' : ''}>
            <span class={`word ${word}`}>{word}</span> in layer {layer}
            {what !== '' && <span class="quiet">: {what}</span>}
            <span class="life-instruction">
              {keyword} {rest}
            </span>
          </li>
        )
      })}
    </ol>
  )
}
