import type { ComponentChildren } from 'preact'
import type { WeighResult } from '../library.ts'
import { countOf, percentText, sizeText } from '../text/numbers.ts'
import { printable } from '../text/printable.ts'
import { Figure } from './figure.tsx'

interface SpaceProps {
  readonly weighed: WeighResult
  readonly label: string | undefined
  readonly onPath: (path: string) => void
}

const most = 25

/** What the bytes are, and which of them are wasted. */
export function Space({ weighed, label, onPath }: SpaceProps) {
  const { size, visible, wasted, efficiency, wastedPaths, duplicates, types, packages } = weighed
  const twice = duplicates.reduce((sum, one) => sum + one.size * (one.paths.length - 1), 0)
  return (
    <div class="page">
      {label !== undefined && <h2 class="side-heading">{label}</h2>}
      <dl class="figures large">
        <Figure name="In all layers">{sizeText(size)}</Figure>
        <Figure name="Visible">{sizeText(visible)}</Figure>
        <Figure name="Wasted">{sizeText(wasted)}</Figure>
        <Figure name="Efficiency">{percentText(efficiency)}</Figure>
        <Figure name="There twice">{sizeText(twice)}</Figure>
      </dl>
      <div class="columns">
        <List
          title="Replaced or removed"
          about="Files that a later layer overwrote or deleted: the image still carries them."
          none="No layer has a file that a later one replaced or removed."
          rows={wastedPaths.slice(0, most).map(({ path, size: bytes, copies, became }) => ({
            name: <PathLink path={path} onPath={became === 'replaced' ? onPath : undefined} />,
            note: `${became}${copies > 1 ? `, ${copies} copies` : ''}`,
            size: bytes,
          }))}
          more={wastedPaths.length - most}
        />
        <List
          title="There twice"
          about="Different files of the same content, which are no links of one another."
          none="No two files have the same content."
          rows={duplicates.slice(0, most).map(({ paths, size: bytes }) => ({
            name: <PathLink path={paths[0]!} onPath={onPath} />,
            note: paths.length === 2 ? `and /${printable(paths[1]!)}` : `and ${countOf(paths.length - 1, 'other')}`,
            size: bytes * (paths.length - 1),
          }))}
          more={duplicates.length - most}
        />
        <List
          title="By type"
          about="By name, directory and permission bits."
          none="There are no files."
          rows={types.map(({ type, size: bytes, files }) => ({
            name: type,
            note: countOf(files, 'file'),
            size: bytes,
          }))}
          more={0}
        />
        <List
          title="By package"
          about="As the package databases state it."
          none="There is no package database."
          rows={packages.slice(0, most).map(({ name, version, type, size: bytes }) => ({
            name: printable(name),
            note: printable(`${version} · ${type}`),
            size: bytes,
          }))}
          more={packages.length - most}
        />
      </div>
    </div>
  )
}

interface ListProps {
  readonly title: string
  readonly about: string
  readonly none: string
  readonly rows: readonly { readonly name: ComponentChildren; readonly note: string; readonly size: number }[]
  readonly more: number
}

function List({ title, about, none, rows, more }: ListProps) {
  const largest = Math.max(1, ...rows.map(({ size }) => size))
  return (
    <section class="list">
      <h2>{title}</h2>
      <p class="quiet">{rows.length === 0 ? none : about}</p>
      <ul>
        {rows.map(({ name, note, size }, i) => (
          <li key={i}>
            <span class="list-name">
              <bdi>{name}</bdi> <span class="quiet">{note}</span>
            </span>
            <span class="list-size">{sizeText(size)}</span>
            <span class="list-bar" aria-hidden="true">
              <span style={{ width: `${(size / largest) * 100}%` }} />
            </span>
          </li>
        ))}
      </ul>
      {more > 0 && <p class="quiet">{`and ${countOf(more, 'more')}`.replace(/mores$/, 'more')}</p>}
    </section>
  )
}

export function PathLink({
  path,
  onPath,
}: {
  readonly path: string
  readonly onPath?: ((path: string) => void) | undefined
}) {
  const text = `/${printable(path.replace(/^\//, ''))}`
  if (onPath === undefined) return <code>{text}</code>
  return (
    <button type="button" class="path" onClick={() => onPath(path)}>
      {text}
    </button>
  )
}
