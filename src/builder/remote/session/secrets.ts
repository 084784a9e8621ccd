import { secrets } from '../../../buildkit/index.ts'
import { GrpcError, type Handlers, statusCodes, unary } from '../../../net/grpc/index.ts'

/** Gives the secrets of the build; others do not exist. */
export function secretsService(find: (id: string) => Uint8Array | undefined): Handlers {
  return [
    unary(secrets.Secrets.method.getSecret, ({ id }) => {
      const data = find(id)
      if (data === undefined) throw new GrpcError(statusCodes.notFound, `secret ${id}: not found`)
      return { data }
    }),
  ]
}
