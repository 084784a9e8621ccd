import type { BuildOptions, BuildOutput, ProvenanceForm, StatementForm } from '../api/index.ts'
import type { Snapshots } from '../content/layers/index.ts'
import type { Host } from '../images/index.ts'
import { billOf, spdxOf } from '../inspection/index.ts'
import { type Platform, parseImageConfig, parseManifest } from '../oci/index.ts'
import { readVersion } from '../support/index.ts'
import { type Material, predicateTypes, provenanceOf, type Subject, statementOf } from './attestations/index.ts'
import { buildArguments } from './build-options.ts'
import type { AttestationStatement, Attester, BuiltImage, ResolvedOutput } from './outputs/index.ts'
import type { Plan } from './plan/index.ts'
import { fileOf, type WantedStatements } from './wanted-statements.ts'

/** Whether an output has room for statements. */
function holdsStatements(output: BuildOutput, { provenance, sbom }: WantedStatements): boolean {
  if (output.kind === 'cacheonly') return false
  if (output.kind === 'archive' && (output.layout === 'docker' || output.format === 'docker')) return false
  if (output.kind === 'image' && output.push !== true) return false
  const isInline = 'attestationInline' in output && output.attestationInline === true
  return isInline || [provenance, sbom].some((form) => form !== undefined && form.inlineOnly !== true)
}

/** What a build knows that its statements are made of. */
export interface AttesterFacts {
  readonly host: Host
  readonly options: BuildOptions
  readonly snapshots: Snapshots
  readonly dockerfile: { readonly name: string; readonly text: string }
  readonly materialsOf: (plan: Plan) => readonly Material[]
  readonly context: Material | undefined
  readonly secretTexts: readonly string[]
  readonly started: Date
  /** Returns the platform of the machine that executed the image's steps. */
  readonly ranOn: (image: BuiltImage) => Platform
}

/** Returns what makes statements. Warns if no output has room for them. */
export function attesterFor(
  wanted: WantedStatements,
  outputs: readonly ResolvedOutput[],
  facts: AttesterFacts,
): BuildAttester {
  if (!outputs.some(({ output }) => holdsStatements(output, wanted)))
    facts.options.report?.({ type: 'warning', rule: 'AttestationsUnheld', message: unheld })
  return new BuildAttester(wanted, facts)
}

const unheld =
  'No output has room for attestations: they need a push, type=oci, type=local or type=tar. The store keeps images without them.'

/** Makes the statements about the images of one build. */
export class BuildAttester implements Attester {
  private readonly wanted: WantedStatements
  private readonly facts: AttesterFacts
  private readonly bills = new Map<BuiltImage, object>()
  private readonly provenances = new Map<BuiltImage, object>()

  constructor(wanted: WantedStatements, facts: AttesterFacts) {
    this.wanted = wanted
    this.facts = facts
  }

  async about(
    image: BuiltImage,
    subjects: readonly Subject[],
    inline: boolean,
  ): Promise<readonly AttestationStatement[]> {
    const { provenance, sbom } = this.wanted
    const statements: AttestationStatement[] = []
    const add = (predicateType: string, predicate: object, file: string) =>
      statements.push({ predicateType, bytes: statementOf(predicateType, predicate, subjects), file })
    if (isFor(sbom, inline)) add(predicateTypes.sbom, await this.bill(image), fileOf('sbom', sbom))
    if (isFor(provenance, inline))
      add(predicateTypes.provenance, this.provenance(image, provenance), fileOf('provenance', provenance))
    return statements
  }

  private async bill(image: BuiltImage): Promise<object> {
    const known = this.bills.get(image)
    if (known !== undefined) return known
    const { snapshots, options } = this.facts
    await image.snapshot.fetch?.()
    const manifest = parseManifest(image.manifest.bytes, 'the manifest')
    const config = parseImageConfig(image.config.bytes, 'the config')
    const layers = image.snapshot.layers.map(({ diffId }, i) => ({
      ...snapshots.storedLayer(diffId),
      blob: manifest.layers[i]!,
    }))
    const name = options.tags?.[0] ?? image.config.blob.digest
    const inspected = { name, root: image.manifest.blob, manifest, config, layers }
    const digest = image.config.blob.digest
    const bill = spdxOf(billOf(inspected, { digest, toolVersion: readVersion(), files: true }))
    this.bills.set(image, bill)
    return bill
  }

  private provenance(image: BuiltImage, form: ProvenanceForm): object {
    const known = this.provenances.get(image)
    if (known !== undefined) return known
    const { facts } = this
    const { host, options, dockerfile, materialsOf, context, secretTexts, started } = facts
    const { secrets = [], ssh = [], labels = {}, target } = options
    const dated = image.epoch === undefined
    const predicate = provenanceOf({
      mode: form.mode ?? 'max',
      builderId: form.builderId ?? 'https://tare.dev/builder',
      toolVersion: readVersion(),
      reproducible: form.reproducible ?? false,
      ...{
        platform: image.platform,
        buildPlatform: facts.ranOn(image),
        context,
        dockerfile,
        target,
        labels,
        secretTexts,
      },
      buildArgs: buildArguments(options),
      secrets: secrets.map(({ id }) => id),
      ssh: ssh.map(({ id }) => id ?? 'default'),
      materials: materialsOf(image.plan),
      layers: image.made,
      // An image with a time of its own choosing has the same statements each time.
      ...(dated ? { started: started.toISOString(), finished: host.now().toISOString() } : {}),
    })
    this.provenances.set(image, predicate)
    return predicate
  }
}

function isFor<T extends StatementForm>(form: T | undefined, inline: boolean): form is T {
  return form !== undefined && (inline || form.inlineOnly !== true)
}
