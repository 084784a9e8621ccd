import { TareError } from '../../support/index.ts'
import { chooseIsolation, thisMachine } from './machine/index.ts'
import type { Isolation, Sandbox } from './step/index.ts'

export interface SandboxOptions {
  /** The store's own folder, where layers are unpacked. */
  readonly folder: string
  /** Default: the best available. */
  readonly isolation?: Isolation | 'auto' | undefined
  /** Name or path of the OCI runtime. Default: crun, otherwise runc. */
  readonly runtime?: string | undefined
  /** Turns a system error from writing to the folder into one for people; returns anything else unchanged. */
  readonly explain?: ((error: unknown) => unknown) | undefined
}

/** Parses the name of an isolation. Throws `ISOLATION_UNKNOWN`. */
export function readIsolation(text: string | undefined): Isolation | 'auto' {
  if (text === undefined || text === '' || text === 'default') return 'auto'
  const found = (['auto', 'oci', 'namespace', 'chroot'] as const).find((one) => one === text)
  if (found === undefined)
    throw new TareError('ISOLATION_UNKNOWN', `invalid isolation "${text}"`, {
      remedy: 'Use auto, oci, namespace or chroot.',
    })
  return found
}

/** The sandbox that commands will run in, which costs nothing until it is opened. */
export interface ChosenSandbox {
  readonly isolation: Isolation
  /** Opens it, once for all. */
  open(): Promise<Sandbox>
  /** Closes it if it was opened. */
  close(): Promise<void>
}

/** Chooses this machine's sandbox. Throws `SANDBOX_MISSING` if there is none, with a remedy. */
export function chooseSandbox({ folder, explain, ...wanted }: SandboxOptions): ChosenSandbox {
  const machine = thisMachine()
  const { isolation, runtime } = chooseIsolation(machine, folder, wanted)
  let opened: Promise<Sandbox> | undefined
  const open = async () => {
    const { MachineSandbox } = await import('./sandbox.ts')
    return new MachineSandbox(folder, { machine, isolation, runtime, explain })
  }
  return {
    isolation,
    open: () => {
      opened ??= open()
      return opened
    },
    close: async () => (await opened?.catch(() => undefined))?.close(),
  }
}
