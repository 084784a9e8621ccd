import { health } from '../../buildkit/index.ts'
import { type GrpcClient, GrpcError, statusCodes } from '../../net/grpc/index.ts'
import { TareError } from '../../support/index.ts'

export interface PulseSettings {
  /** Milliseconds between two questions, and until an answer counts as missing. */
  readonly interval: number
  /** Milliseconds without any sign of life after which an engine is gone. */
  readonly silence: number
}

// A step may say nothing for hours: only unanswered questions tell that nobody is there.
const usual: PulseSettings = { interval: 15_000, silence: 60_000 }

/** Asks an engine now and then whether it is still there, and calls `gone` if it has not answered for too long. */
export class Pulse {
  private heardAt = performance.now()
  private readonly timer: NodeJS.Timeout

  constructor(
    control: GrpcClient,
    name: string,
    gone: (error: TareError) => void,
    { interval, silence }: PulseSettings = usual,
  ) {
    this.timer = setInterval(() => {
      const quiet = performance.now() - this.heardAt
      if (quiet < interval / 2) return
      if (quiet >= silence) {
        clearInterval(this.timer)
        const message = `the engine ${name} is gone: it has not answered for ${Math.round(silence / 1000)} s`
        return gone(new TareError('ENGINE_LOST', message, { remedy: 'Check the network, and build again.' }))
      }
      control.unary(health.Health.method.check, {}, { timeout: interval }).then(
        () => this.heard(),
        (error: unknown) => {
          // An engine that does not know the question is there all the same.
          const isSilent =
            !(error instanceof GrpcError) ||
            error.code === statusCodes.deadlineExceeded ||
            error.code === statusCodes.unavailable
          if (!isSilent) this.heard()
        },
      )
    }, interval)
    this.timer.unref()
  }

  /** Called with every sign of life. */
  heard(): void {
    this.heardAt = performance.now()
  }

  stop(): void {
    clearInterval(this.timer)
  }
}
