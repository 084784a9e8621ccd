/** The page knows the library by the types of its answers, and by nothing else. */
export type {
  CheckFinding,
  CheckResult,
  ImageContents,
  ImageDiff,
  InstalledPackage,
  LayerSummary,
  WeighResult,
} from '../../src/index.ts'
