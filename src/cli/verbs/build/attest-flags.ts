import type { BuildOptions, ProvenanceForm, StatementForm } from '../../../index.ts'
import type { Call } from '../../command.ts'
import { Failure } from '../../failure.ts'
import type { BuildFlags } from './build-flags.ts'
import { FlagFields } from './flag-fields.ts'

type Statements = Pick<BuildOptions, 'provenance' | 'sbom'>

/** Parses `--attest`, `--provenance` and `--sbom`. (buildx, docs/reference/buildx_build.md) */
export function readStatements({ flags }: Pick<Call<BuildFlags>, 'flags'>): Statements {
  const asked = new Map<string, boolean | ProvenanceForm>()
  const add = (type: string, form: boolean | ProvenanceForm) => {
    if (asked.has(type)) throw new Failure(`duplicate attestation field ${type}`, { remedy: 'Ask for each once.' })
    asked.set(type, form)
  }
  for (const text of flags.attest) {
    const fields = new FlagFields(text, '--attest')
    add(typeOf(fields), formOf(fields, '--attest'))
  }
  for (const type of ['provenance', 'sbom'] as const) {
    const text = flags[type]
    if (text === undefined || text === '') continue
    const isOn = /^(?:1|t|true)$/i.test(text)
    if (isOn || /^(?:0|f|false)$/i.test(text)) add(type, isOn)
    else add(type, formOf(new FlagFields(`type=${type},${text}`, `--${type}`), `--${type}`))
  }
  return { provenance: asked.get('provenance'), sbom: asked.get('sbom') as boolean | StatementForm | undefined }
}

function typeOf({ type }: FlagFields): string {
  if (type === 'provenance' || type === 'sbom') return type
  throw new Failure(`unknown attestation type ${JSON.stringify(type)}`, {
    remedy: 'The types are provenance and sbom.',
  })
}

function formOf(fields: FlagFields, flag: string): boolean | ProvenanceForm {
  const isDisabled = fields.takeSwitch('disabled') ?? false
  const form = {
    ...given('inlineOnly', fields.takeSwitch('inline-only')),
    ...given('file', fields.take('filename')),
    ...(fields.type === 'provenance' ? provenanceOf(fields, flag) : {}),
  }
  const generator = fields.type === 'sbom' ? fields.take('generator') : undefined
  if (generator !== undefined)
    throw new Failure(`${flag} generator=${generator} is refused: tare lists packages and files itself`, {
      remedy: 'Drop it; `tare sbom` shows what it finds.',
    })
  fields.finish()
  return isDisabled ? false : form
}

function provenanceOf(fields: FlagFields, flag: string): ProvenanceForm {
  const asked = fields.take('mode')
  const mode = (['min', 'max'] as const).find((candidate) => candidate === asked)
  if (asked !== undefined && mode === undefined)
    throw new Failure(`invalid mode ${JSON.stringify(asked)} in ${flag}`, { remedy: 'Use mode=min or mode=max.' })
  const version = fields.take('version')
  if (version !== undefined && version !== 'v1')
    throw new Failure(`${flag} version=${version} is refused`, { remedy: 'Statements are of SLSA provenance v1.' })
  return {
    ...given('mode', mode),
    ...given('builderId', fields.take('builder-id')),
    ...given('reproducible', fields.takeSwitch('reproducible')),
  }
}

function given<K extends string, T>(key: K, value: T | undefined): { [name in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [name in K]: T })
}
