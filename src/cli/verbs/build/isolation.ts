import type { BuildOptions } from '../../../index.ts'
import { UsageError } from '../../failure.ts'

const isolations = ['auto', 'oci', 'namespace', 'chroot'] as const

/** Parses `--isolation`; Docker's `default` is accepted. */
export function readIsolation(text: string | undefined): BuildOptions['isolation'] {
  if (text === undefined || text === '' || text === 'default') return undefined
  const found = isolations.find((one) => one === text)
  if (found === undefined) throw new UsageError(`invalid isolation "${text}"`, `It is one of ${isolations.join(', ')}.`)
  return found
}
