import type { BuildOptions, BuildOutput, ProvenanceForm, StatementForm } from '../api/index.ts'
import { TareError } from '../support/index.ts'

/** What is asked of a build's statements: each undefined if it is not wanted. */
export interface WantedStatements {
  readonly provenance: ProvenanceForm | undefined
  readonly sbom: StatementForm | undefined
}

/** Throws `OPTION_INVALID` for names of files that are none, or that two statements have. */
export function wantedStatements({ provenance, sbom }: BuildOptions): WantedStatements {
  const wanted = { provenance: formOf<ProvenanceForm>(provenance), sbom: formOf<StatementForm>(sbom) }
  for (const file of [wanted.provenance?.file, wanted.sbom?.file])
    if (file !== undefined && (file === '' || file.includes('/') || file === '.' || file === '..'))
      throw new TareError('OPTION_INVALID', `${JSON.stringify(file)} cannot be the name of a statement’s file`, {
        remedy: 'Write a name without slashes.',
      })
  if (wanted.provenance !== undefined && wanted.sbom !== undefined) {
    const file = fileOf('provenance', wanted.provenance)
    if (file === fileOf('sbom', wanted.sbom))
      throw new TareError('OPTION_INVALID', `two statements cannot have one file, ${file}`, {
        remedy: 'Give each a filename of its own.',
      })
  }
  return wanted
}

/** Returns the name that the statement has as a file. */
export function fileOf(kind: 'provenance' | 'sbom', { file }: StatementForm): string {
  return file ?? (kind === 'sbom' ? 'sbom.spdx.json' : 'provenance.json')
}

function formOf<T extends StatementForm>(asked: boolean | T | undefined): T | undefined {
  return asked === true ? ({} as T) : asked === false ? undefined : asked
}

/** Whether an output lists statements in an index, even for one platform. */
export function isListed({ provenance, sbom }: WantedStatements): (output: BuildOutput) => boolean {
  const isWanted = provenance !== undefined || sbom !== undefined
  return (output) => isWanted && 'attestationInline' in output && output.attestationInline === true
}
