import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createHost } from '../../src/images/index.ts'
import type { BuildOptions, BuildResult, Tare, TareEvent, TareOptions } from '../../src/index.ts'
import { tareOf } from '../../src/verbs/library.ts'
import { BadRegistry, type BadRegistryOptions } from './bad-registry.ts'
import { type FileSpec, temporaryFolder, writeFiles } from './cli.ts'

/** What a build said and made. */
export interface Built {
  readonly image: BuildResult
  readonly events: readonly TareEvent[]
  /** Titles of the steps that were remembered. */
  readonly cached: readonly string[]
  /** Titles of the steps that were executed. */
  readonly made: readonly string[]
  /** What it warned of, without the rules. */
  readonly warnings: readonly string[]
}

export interface BuildBench {
  readonly folder: string
  readonly home: string
  readonly tare: Tare
  build(lines: string | readonly string[], options?: Partial<BuildOptions>): Promise<Built>
}

/** The library, which sends a request that failed again after 5 ms. */
export function impatientTare(options: TareOptions): Tare {
  return tareOf({ ...createHost(options), retryDelay: 5 })
}

/** A context of these files, and a store of its own, for builds with the library. */
export async function buildBench(
  files: Readonly<Record<string, FileSpec>> = {},
  home = join(temporaryFolder(), 'home'),
  environment: Readonly<Record<string, string>> = {},
): Promise<BuildBench> {
  const folder = writeFiles(join(temporaryFolder(), 'context'), files)
  const tare = impatientTare({ home, environment })
  const build = async (lines: string | readonly string[], options: Partial<BuildOptions> = {}): Promise<Built> => {
    const events: TareEvent[] = []
    const image = await tare.build({
      context: { kind: 'directory', path: folder },
      dockerfile: { text: typeof lines === 'string' ? lines : lines.join('\n') },
      ...options,
      report: (event) => {
        events.push(event)
        options.report?.(event)
      },
    })
    const titles = (type: 'step-cached' | 'step-done') => {
      const ended = new Set(events.flatMap((event) => (event.type === type ? [event.step] : [])))
      return events.flatMap((event) => (event.type === 'step-started' && ended.has(event.step) ? [event.title] : []))
    }
    return {
      image,
      events,
      cached: titles('step-cached'),
      made: titles('step-done'),
      warnings: events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])),
    }
  }
  return { folder, home, tare, build }
}

/** A registry of this process for as long as the test runs. */
export async function registryOfTest(options: BadRegistryOptions = {}): Promise<BadRegistry> {
  const registry = await BadRegistry.start(options)
  onTestFinished(() => registry.stop())
  return registry
}
