import { join } from 'node:path'
import type { BuildOptions } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { openSandbox, readIsolation, type Sandbox } from '../sandbox/index.ts'

/** The sandbox that was asked for, by the options or else by TARE_ISOLATION. Throws where this machine has none. */
export function sandboxOf({ store, environment }: Host, isolation: BuildOptions['isolation']): Sandbox {
  return openSandbox({
    folder: join(store.home, 'tare'),
    isolation: isolation ?? readIsolation(environment['TARE_ISOLATION']),
    runtime: environment['TARE_RUNTIME'],
  })
}
