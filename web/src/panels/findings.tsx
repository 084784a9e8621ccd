import type { CheckFinding, CheckResult } from '../library.ts'
import { printable } from '../text/printable.ts'
import { PathLink } from './space.tsx'

interface FindingsProps {
  readonly checked: CheckResult
  readonly label: string | undefined
  readonly onPath: (path: string) => void
}

const words = { error: 'It does not start', warning: 'It may fail, or gives something away', note: 'Worth knowing' }

/** What `tare check` finds. */
export function Findings({ checked, label, onPath }: FindingsProps) {
  const { findings } = checked
  return (
    <div class="page narrow">
      {label !== undefined && <h2 class="side-heading">{label}</h2>}
      {findings.length === 0 && <p class="large-text">Nothing was found that would break this image.</p>}
      {(['error', 'warning', 'note'] as const).map((severity) => {
        const own = findings.filter((finding) => finding.severity === severity)
        if (own.length === 0) return null
        return (
          <section key={severity} class={`findings ${severity}`}>
            <h2>
              {words[severity]} <span class="count">{own.length}</span>
            </h2>
            <ul>
              {groupsOf(own).map((group) => (
                <li key={group[0]!.code + group[0]!.remedy}>
                  <Group group={group} onPath={onPath} />
                </li>
              ))}
            </ul>
          </section>
        )
      })}
    </div>
  )
}

interface GroupProps {
  readonly group: readonly CheckFinding[]
  readonly onPath: (path: string) => void
}

/** Findings of one kind, with what can be done about them. */
function Group({ group, onPath }: GroupProps) {
  const { code, remedy } = group[0]!
  return (
    <>
      <ul>
        {group.map(({ message, reason, path, layer }, i) => (
          <li key={i}>
            <h3>{printable(message)}</h3>
            <p>
              {printable(reason)}
              {layer !== undefined && <span class="quiet"> Layer {layer}.</span>}
              {path !== undefined && (
                <>
                  {' '}
                  <PathLink path={path} onPath={onPath} />
                </>
              )}
            </p>
          </li>
        ))}
      </ul>
      <p class="remedy">
        {printable(remedy)} <code class="quiet">{code}</code>
      </p>
    </>
  )
}

/** Findings of the same code for which the same can be done, in the order of the first of each. */
function groupsOf(findings: readonly CheckFinding[]): readonly (readonly CheckFinding[])[] {
  const groups = new Map<string, CheckFinding[]>()
  for (const finding of findings) {
    const key = `${finding.code} ${finding.remedy}`
    const group = groups.get(key) ?? []
    group.push(finding)
    groups.set(key, group)
  }
  return [...groups.values()]
}
