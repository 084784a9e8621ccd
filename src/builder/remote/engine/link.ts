import type { EngineAddress } from './address.ts'
import { connectEngine, type Engine } from './connect.ts'
import { type EngineFacts, probeEngine } from './probe.ts'

/** A connected engine, and what it is. */
export interface Connected {
  readonly engine: Engine
  readonly facts: EngineFacts
}

/** An engine that is connected when it is first needed. */
export class EngineLink {
  private readonly address: EngineAddress
  private made: Promise<Connected> | undefined

  constructor(address: EngineAddress) {
    this.address = address
  }

  /** Connects, once. Rejects with `ENGINE_…`. */
  connected(signal: AbortSignal): Promise<Connected> {
    this.made ??= this.connect(signal)
    return this.made
  }

  /** Returns the platforms whose programs the engine runs, its own first. Rejects with `ENGINE_…`. */
  async platforms(signal: AbortSignal): Promise<readonly string[]> {
    return (await this.connected(signal)).facts.platforms
  }

  /** Whether the engine still answers: on a new connection. */
  async answers(signal: AbortSignal): Promise<boolean> {
    try {
      const { engine } = await this.connect(signal)
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

  private async connect(signal: AbortSignal): Promise<Connected> {
    const engine = await connectEngine(this.address, signal)
    try {
      return { engine, facts: await probeEngine(engine, signal) }
    } catch (error) {
      engine.close()
      throw error
    }
  }
}
