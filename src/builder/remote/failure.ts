import { GrpcError, statusCodes } from '../../net/grpc/index.ts'
import { systemCode, TareError } from '../../support/index.ts'
import type { FailedVertex } from './progress.ts'

/** Returns the error for a build that an engine did not finish. */
export function explainFailure(error: unknown, failed: FailedVertex | undefined, engine: string): unknown {
  if (!(error instanceof GrpcError)) return isCut(error) ? lost(engine, error) : error
  const where = failed?.operation?.where
  const message = failed?.message ?? error.message
  const code = /exit code: (\d+)$/.exec(message.trim())?.[1]
  if (failed?.operation?.kind === 'run' && code !== undefined)
    return new TareError(
      'RUN_FAILED',
      `process ${JSON.stringify(failed.operation.argv.join(' '))} did not complete successfully: exit code: ${code}`,
      { where, cause: error, remedy: remedyOf(Number(code)) },
    )
  if (failed === undefined && error.code === statusCodes.unavailable) return lost(engine, error)
  return new TareError('ENGINE_FAILED', `the engine ${engine} failed: ${message}`, { where, cause: error })
}

function isCut(error: unknown): error is Error {
  return ['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT'].includes(systemCode(error) ?? '')
}

function lost(engine: string, error: Error): TareError {
  return new TareError('ENGINE_LOST', `the engine ${engine} is gone: ${error.message}`, {
    cause: error,
    remedy: 'Nothing was kept here. Build again once it is back; it may have finished, and then has the steps cached.',
  })
}

function remedyOf(code: number): string | undefined {
  if (code === 137) return 'It was killed, possibly because the engine’s machine ran out of memory.'
  if (code === 127) return 'A command was not found: install it in an earlier RUN, or use its full path.'
  if (code === 126) return 'A command could not be executed: is it a program for this architecture, and executable?'
  return undefined
}
