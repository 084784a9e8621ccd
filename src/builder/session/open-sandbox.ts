import type { BuildOptions } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { openSandbox, readIsolation, type Sandbox } from '../sandbox/index.ts'

/** Opens the sandbox requested by the options or TARE_ISOLATION. Throws if this machine has none. */
export function sandboxOf({ store, environment }: Host, isolation: BuildOptions['isolation']): Sandbox {
  return openSandbox({
    folder: store.own,
    isolation: isolation ?? readIsolation(environment['TARE_ISOLATION']),
    runtime: environment['TARE_RUNTIME'],
  })
}
