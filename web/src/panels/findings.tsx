import type { CheckResult } from '../library.ts'
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
              {own.map(({ code, message, reason, remedy, path, layer }, i) => (
                <li key={i}>
                  <h3>{printable(message)}</h3>
                  <p>{printable(reason)}</p>
                  <p class="remedy">{printable(remedy)}</p>
                  <p class="quiet">
                    <code>{code}</code>
                    {path !== undefined && (
                      <>
                        {' · '}
                        <PathLink path={path} onPath={onPath} />
                      </>
                    )}
                    {layer !== undefined && ` · layer ${layer}`}
                  </p>
                </li>
              ))}
            </ul>
          </section>
        )
      })}
    </div>
  )
}
