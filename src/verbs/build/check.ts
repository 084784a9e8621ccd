import type { BuildOptions, BuildWarning } from '../../api/index.ts'
import { BuildRun, warningsOf } from '../../builder/index.ts'
import type { Host } from '../../images/index.ts'

/** Reads and plans a build without making anything, for what its checks find. */
export async function check(host: Host, options: BuildOptions): Promise<readonly BuildWarning[]> {
  // That a registry gives no answer says nothing of the Dockerfile.
  const report: BuildOptions['report'] = (event) => {
    if (event.type !== 'warning' || event.rule !== 'BaseNotChecked') options.report?.(event)
  }
  const building = new BuildRun(host, { ...options, report })
  try {
    return (await building.plan(!options.target)).flatMap((plan) => warningsOf(plan))
  } finally {
    await building.close()
  }
}
