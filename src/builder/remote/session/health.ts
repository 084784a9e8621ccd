import { health } from '../../../buildkit/index.ts'
import { type Handlers, unary } from '../../../net/grpc/index.ts'

/** Says that this side is alive. */
export function healthService(): Handlers {
  const status = health.HealthCheckResponse_ServingStatus.SERVING
  return [unary(health.Health.method.check, () => ({ status }))]
}
