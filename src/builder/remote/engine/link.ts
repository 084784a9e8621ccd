import type { EngineAddress } from './address.ts'
import { connectEngine, type Engine } from './connect.ts'
import { type EngineFacts, isFacts, probeEngine } from './probe.ts'

/** A connected engine, and what it is. */
export interface Connected {
  readonly engine: Engine
  /** What it was when it was last asked, at most a day ago: asking takes some daemons longer than a build from their cache. */
  readonly facts: EngineFacts
  /** Asks it, once, what it is now. */
  current(): Promise<EngineFacts>
}

const mostAge = 24 * 3600 * 1000

/** Remembers what an engine was. */
export interface FactsMemory {
  recall(): string | undefined
  remember(text: string): void
}

/** An engine that is connected when it is first needed. */
export class EngineLink {
  private readonly address: EngineAddress
  private readonly memory: FactsMemory | undefined
  private made: Promise<Connected> | undefined

  constructor(address: EngineAddress, memory?: FactsMemory) {
    this.address = address
    this.memory = memory
  }

  /** Connects, once. Rejects with `ENGINE_…`. */
  connected(signal: AbortSignal): Promise<Connected> {
    this.made ??= this.connect(signal, this.recalled())
    return this.made
  }

  /** Returns the platforms whose programs the engine runs, its own first. Rejects with `ENGINE_…`. */
  async platforms(signal: AbortSignal): Promise<readonly string[]> {
    const { current } = await this.connected(signal)
    return (await current()).platforms
  }

  /** Whether the engine still answers: on a new connection. */
  async answers(signal: AbortSignal): Promise<boolean> {
    try {
      const { engine } = await this.connect(signal, undefined)
      engine.close()
      return true
    } catch {
      signal.throwIfAborted()
      return false
    }
  }

  /** Forgets the connection: the next use makes another one. */
  reset(): void {
    this.close()
    this.made = undefined
  }

  close(): void {
    this.made?.then(({ engine }) => engine.close()).catch(() => {})
  }

  private async connect(signal: AbortSignal, recalled: EngineFacts | undefined): Promise<Connected> {
    const engine = await connectEngine(this.address, signal)
    let asked: Promise<EngineFacts> | undefined
    const current = () => {
      asked ??= probeEngine(engine, signal).then((facts) => {
        this.memory?.remember(JSON.stringify({ ...facts, asked: Date.now() }))
        return facts
      })
      return asked
    }
    try {
      return { engine, current, facts: recalled ?? (await current()) }
    } catch (error) {
      engine.close()
      throw error
    }
  }

  private recalled(): EngineFacts | undefined {
    try {
      const facts = JSON.parse(this.memory?.recall() ?? 'null') as { asked?: unknown } | null
      const age = Date.now() - Number(facts?.asked)
      return age >= 0 && age < mostAge && isFacts(facts) ? facts : undefined
    } catch {
      return undefined
    }
  }
}
