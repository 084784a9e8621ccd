import type { ImageDiff, InstalledPackage } from '../library.ts'
import { countOf, differenceText } from '../text/numbers.ts'
import { printable } from '../text/printable.ts'

/** What two images differ in besides their files. */
export function Differences({ diff }: { readonly diff: ImageDiff }) {
  const { config, history, packages, files, equal } = diff
  const count = (kind: string) => files.filter((file) => file.kind === kind).length
  return (
    <div class="page">
      <p class="large-text">{equal ? 'The two are equal, in every byte.' : summaryOf(diff, count)}</p>
      <Table
        title="Packages"
        none="No package is different."
        rows={packages.map(({ name, type, a, b }) => [`${name} (${type})`, versionOf(a), versionOf(b)])}
      />
      <Table title="Config" none="The configs are the same." rows={config.map(({ member, a, b }) => [member, a, b])} />
      <Table
        title="History"
        none="The histories are the same."
        rows={history.map(({ index, member, a, b }) => [`${index + 1} ${member}`, a, b])}
      />
    </div>
  )
}

function summaryOf({ a, b }: ImageDiff, count: (kind: string) => number): string {
  const size = b.size - a.size
  const change = size === 0 ? 'the same size' : `${differenceText(size)} in size`
  return `From A to B: ${countOf(count('added'), 'path')} added, ${count('changed')} changed, ${count('removed')} removed; ${change}.`
}

function versionOf(one: InstalledPackage | undefined): string | undefined {
  return one === undefined ? undefined : one.version
}

interface TableProps {
  readonly title: string
  readonly none: string
  readonly rows: readonly (readonly [what: string, a: string | undefined, b: string | undefined])[]
}

function Table({ title, none, rows }: TableProps) {
  return (
    <section class="list">
      <h2>
        {title} <span class="count">{rows.length}</span>
      </h2>
      {rows.length === 0 ? (
        <p class="quiet">{none}</p>
      ) : (
        <div class="compared">
          <table>
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">
                  <span class="side-letter side-A">A</span>
                </th>
                <th scope="col">
                  <span class="side-letter side-B">B</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map(([what, a, b], i) => (
                <tr key={i}>
                  <th scope="row">{printable(what)}</th>
                  <td>{shownValue(a)}</td>
                  <td>{shownValue(b)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}

function shownValue(value: string | undefined) {
  return value === undefined ? <span class="quiet">none</span> : <code>{printable(value)}</code>
}
