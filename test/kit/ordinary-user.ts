import { isRoot, ordinaryUser } from './cli.ts'

/** Does the work as an ordinary user, to whom the system can say no; root stops being root for as long. Only what is synchronous. */
export function asOrdinaryUser<T>(work: () => T): T {
  if (!isRoot) return work()
  process.setegid!(ordinaryUser)
  process.seteuid!(ordinaryUser)
  try {
    return work()
  } finally {
    process.seteuid!(0)
    process.setegid!(0)
  }
}
