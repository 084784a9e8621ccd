import type { DoctorOptions, DoctorReport } from '../../api/index.ts'
import { canExecute, examine } from '../../builder/sandbox/index.ts'
import type { Host } from '../../images/index.ts'

const architectures = ['amd64', '386', 'arm64', 'arm', 'riscv64', 'ppc64le', 's390x']

/** Reports what this machine allows RUN to do: tries each sandbox, and says how to fix what is missing; and what engines are there. */
export async function doctor(
  { store, environment }: Host,
  { signal, builder }: DoctorOptions = {},
): Promise<DoctorReport> {
  const { user, chosen, sandboxes, notes } = await examine(store.own, signal)
  const platforms = architectures.filter((name) => canExecute(name)).map((name) => `linux/${name}`)
  // After the trials, which let nothing else go on.
  const { askEngines } = await import('../../builder/remote/index.ts')
  const engines = await askEngines(builder, environment, signal)
  return { home: store.home, user, chosen, sandboxes, notes, platforms, engines }
}
