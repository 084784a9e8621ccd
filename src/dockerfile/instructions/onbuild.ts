import type { Onbuild } from '../language/index.ts'
import { refusal } from '../language/index.ts'
import type { Statement } from '../syntax/index.ts'
import { readFlags } from '../syntax/index.ts'

/** `ONBUILD instruction`. The instruction itself is checked when it is parsed as a trigger. */
export function readOnbuild({ flags, trigger, line, heredocs }: Statement): Omit<Onbuild, 'where' | 'source'> {
  if (trigger === undefined) throw refusal('DOCKERFILE_ARGUMENTS', 'ONBUILD requires at least one argument')
  readFlags(flags, {})
  refuseTrigger(trigger.kind)
  const text = line.replace(/^\s*ONBUILD\s*/i, '')
  return { kind: 'ONBUILD', trigger: [text, ...heredocs.map(({ raw, name }) => raw + name)].join('\n') }
}

/** Throws for instructions that cannot be triggers. */
export function refuseTrigger(kind: string): void {
  if (kind === 'ONBUILD') throw refusal('DOCKERFILE_ONBUILD', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
  if (kind === 'FROM' || kind === 'MAINTAINER') {
    throw refusal('DOCKERFILE_ONBUILD', `${kind} isn't allowed as an ONBUILD trigger`)
  }
}
