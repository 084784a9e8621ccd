import {
  type BaseImage,
  type Operation,
  type Planned,
  type PlanOptions,
  planBuild,
} from '../../src/builder/plan/index.ts'
import { parseDockerfile } from '../../src/dockerfile/index.ts'
import { type ContainerConfig, mediaTypes, parsePlatform } from '../../src/oci/index.ts'
import { sha256, TareError } from '../../src/support/index.ts'

// Dockerfiles as plans, and plans as lines to compare.

const local = { os: 'linux', architecture: 'amd64' }

export interface PlanRequest
  extends Partial<Omit<PlanOptions, 'buildArgs' | 'platform' | 'buildPlatform' | 'contexts'>> {
  readonly args?: Readonly<Record<string, string>>
  readonly platform?: string
  readonly buildPlatform?: string
  readonly contexts?: Readonly<Record<string, import('../../src/builder/plan/index.ts').PlannedContext>>
  /** Images that there are, by name: their config. Every platform has them. */
  readonly images?: Readonly<Record<string, ContainerConfig>>
}

/** An image of one layer with this config. */
export function baseOf(name: string, config: ContainerConfig, platform = local): BaseImage {
  return {
    manifest: { mediaType: mediaTypes.manifest, digest: sha256(name), size: 1 },
    config: { platform, config, diffIds: [sha256(`${name} layer`)], history: [], rest: {} },
    layers: [
      {
        blob: { mediaType: mediaTypes.layer, digest: sha256(`${name} layer`), size: 1 },
        diffId: sha256(`${name} layer`),
      },
    ],
  }
}

export function plan(
  text: string,
  { args, platform, buildPlatform, contexts, images, ...more }: PlanRequest = {},
): Promise<Planned> {
  return planBuild(parseDockerfile(text, 'Dockerfile'), {
    platform: parsePlatform(platform ?? 'linux/amd64', local),
    buildPlatform: parsePlatform(buildPlatform ?? 'linux/amd64', local),
    buildArgs: new Map(Object.entries(args ?? {})),
    labels: {},
    contexts: new Map(Object.entries(contexts ?? {})),
    resolveBase: async (name, wanted) => {
      const config = images?.[name]
      if (config === undefined) throw new TareError('BASE_UNKNOWN', `there is no image ${name}`)
      return baseOf(name, config, wanted)
    },
    ...more,
  })
}

/** One operation as one line: `2 copy onto 0: 1:a → /d/ owner=me`. */
export function operationLine(operation: Operation, id: number): string {
  return `${id} ${operation.kind}${detailsOf(operation)}`
}

function detailsOf(operation: Operation): string {
  const more = (facts: Readonly<Record<string, unknown>>) =>
    Object.entries(facts)
      .filter(
        ([, value]) =>
          value !== undefined && value !== false && value !== '' && !(Array.isArray(value) && value.length === 0),
      )
      .map(([key, value]) =>
        value === true ? ` ${key}` : ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      )
      .join('')
  switch (operation.kind) {
    case 'scratch':
      return ''
    case 'image':
      return ` ${operation.name}`
    case 'context':
      return operation.name === '' ? '' : ` ${operation.name}`
    case 'files':
      return operation.files.map(({ name, text }) => ` ${name}=${JSON.stringify(text)}`).join('')
    case 'download':
      return ` ${operation.url}${more({ checksum: operation.checksum })}`
    case 'git':
      return more({ ...operation.source })
    case 'copy': {
      const { onto, sources, to, owner, mode, link, parents, exclude } = operation
      const from = sources.map((source) => `${source.from}:${source.path}${source.unpack ? '!' : ''}`).join(' ')
      return ` onto ${onto}: ${from} → ${to}${more({ owner, mode, link, parents, exclude })}`
    }
    case 'make-directory':
      return ` onto ${operation.onto}: ${operation.path}${more({ owner: operation.owner })}`
    case 'run': {
      const { onto, argv, cwd, user, network, security, mounts, scripts } = operation
      return ` onto ${onto}: ${argv.join(' ')}${more({ cwd: cwd === '/' ? '' : cwd, user, network: network === 'default' ? '' : network, security: security === 'sandbox' ? '' : security, mounts, scripts })}`
    }
  }
}

/** Every operation of the plan, and which of them is the result: `root 2`. */
export function operationLines({ operations, output }: Planned): string[] {
  return [...operations.map(operationLine), `root ${output.root}`]
}

/** The history as lines; `[2]` is the operation that makes the line's layer. */
export function historyLines({ output }: Planned): string[] {
  return output.history.map(({ createdBy, layer }) => `${createdBy}${layer === undefined ? '' : ` [${layer}]`}`)
}

/** What planning fails with: `CODE at line 3: message`. */
export async function failureOf(text: string, request: PlanRequest = {}): Promise<string> {
  try {
    await plan(text, request)
  } catch (error) {
    if (!(error instanceof TareError)) throw error
    return `${error.code}${error.where === undefined ? '' : ` at line ${error.where.line}`}: ${error.message}`
  }
  return 'all went well'
}
