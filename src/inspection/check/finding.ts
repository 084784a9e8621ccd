import type { CheckCode, CheckFinding, CheckSeverity } from '../../api/index.ts'

type Details = Pick<CheckFinding, 'reason' | 'remedy' | 'path' | 'layer'>

export function finding(code: CheckCode, severity: CheckSeverity, message: string, details: Details): CheckFinding {
  return { code, severity, message, ...details }
}
