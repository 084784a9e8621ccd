import type { BuildOptions } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import type { TareEvent } from '../../support/index.ts'
import { type ChosenSandbox, chooseSandbox, readIsolation } from '../sandbox/index.ts'

/** Chooses the sandbox requested by the options or TARE_ISOLATION. Throws if this machine has none. */
export function sandboxOf({ store, environment }: Host, isolation: BuildOptions['isolation']): ChosenSandbox {
  return chooseSandbox({
    folder: store.own,
    isolation: isolation ?? readIsolation(environment['TARE_ISOLATION']),
    runtime: environment['TARE_RUNTIME'],
    explain: (error) => store.explain(error),
  })
}

/** The warning for a build whose sandbox is chroot. */
export const noRealProc: TareEvent = {
  type: 'warning',
  rule: 'NoRealProc',
  message:
    'RUN uses chroot, where /proc contains only copies of a few files: programs that look themselves up there fail. `tare doctor` says how to fix that',
}
