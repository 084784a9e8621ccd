import type { BuildOptions, BuildWarning } from '../../api/index.ts'
import { BuildRun, warningsOf } from '../../builder/index.ts'
import type { Host } from '../../images/index.ts'

/** Plans a build without running it, and returns the findings of the build checks. */
export async function check(host: Host, options: BuildOptions): Promise<readonly BuildWarning[]> {
  // An unreachable registry says nothing about the Dockerfile.
  const report: BuildOptions['report'] = (event) => {
    if (event.type !== 'warning' || event.rule !== 'BaseNotChecked') options.report?.(event)
  }
  const building = new BuildRun(host, { ...options, report })
  try {
    return warningsOf(await building.plan({ allStages: !options.target }))
  } finally {
    await building.close()
  }
}
