import type { Snapshot, Snapshots } from '../../content/layers/index.ts'
import type { Host } from '../../images/index.ts'
import type { Platform } from '../../oci/index.ts'
import type { Steps } from '../../support/index.ts'
import type { Operation } from '../plan/index.ts'
import type { RunSettings, Tools } from '../solve/index.ts'
import type { RemoteCache } from './caches.ts'
import type { OfferTools } from './offers.ts'
import type { hostsFor } from './requirements.ts'
import type { EnginePush } from './results/pushed-by-engine.ts'
import type { OfferedLogin } from './session/index.ts'

/** What remote steps work with: everything from outside. */
export interface RemoteTools extends OfferTools {
  readonly host: Host
  readonly snapshots: Snapshots
  /** For steps that this machine executes as well. */
  readonly here: Tools
  readonly steps: Steps
  readonly mayRecall: (operation: Operation) => boolean
  readonly run: RunSettings
  readonly hosts: Parameters<typeof hostsFor>[0]
  readonly epoch?: number | undefined
  readonly platform: Platform
  /** What RUN may do: `network.host`, `security.insecure`. */
  readonly entitlements: readonly string[]
  /** Returns how the engine is let in at a registry. */
  readonly login: (host: string) => Promise<OfferedLogin | undefined>
  readonly caches: { readonly from: readonly RemoteCache[]; readonly to: readonly RemoteCache[] }
  /** Called with the cache for the image's config. */
  readonly inline: (value: unknown) => void
  /** Where the engine is to push the layers, which then do not come here. */
  readonly push?: Omit<EnginePush, 'configOf'> | undefined
  /** Returns the config of the plan's image, whose root is among these snapshots. */
  readonly configOf: (snapshots: readonly (Snapshot | undefined)[]) => Uint8Array
  readonly signal: AbortSignal
  /** Takes work that need not be waited for before the build is over. It never rejects. */
  readonly later: (work: Promise<void>) => void
  /** Called with what the engine does otherwise than this machine would. */
  readonly warn: (message: string) => void
}
