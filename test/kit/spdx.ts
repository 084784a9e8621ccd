import { readFileSync } from 'node:fs'
import { Ajv, type ErrorObject } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { unlessMissing } from './needs.ts'

// What an SPDX 2.3 document has to be as JSON, by the tables of the specification: of all that there is, what tare writes.
// (spdx-spec 2.3, clauses 6 to 11; names as in annex "JSON")

const id = { type: 'string', pattern: '^SPDXRef-[A-Za-z0-9.-]+$' }
const text = { type: 'string', minLength: 1 }
const license = {
  type: 'string',
  pattern: '^(NONE|NOASSERTION|\\(?(LicenseRef-|DocumentRef-|[A-Za-z0-9]).*)$',
}

function strict(properties: object, required: readonly string[]): object {
  return { type: 'object', additionalProperties: false, properties, required }
}

function list(items: object): object {
  return { type: 'array', minItems: 1, items }
}

const checksum = {
  oneOf: [
    ['SHA1', 40],
    ['SHA256', 64],
  ].map(([algorithm, length]) =>
    strict({ algorithm: { const: algorithm }, checksumValue: { type: 'string', pattern: `^[0-9a-f]{${length}}$` } }, [
      'algorithm',
      'checksumValue',
    ]),
  ),
}
const purposes = [
  ...['APPLICATION', 'FRAMEWORK', 'LIBRARY', 'CONTAINER', 'OPERATING-SYSTEM', 'DEVICE', 'FIRMWARE', 'SOURCE'],
  ...['ARCHIVE', 'FILE', 'INSTALL', 'OTHER'],
]
const externalRef = strict(
  {
    referenceCategory: { enum: ['SECURITY', 'PACKAGE-MANAGER', 'PERSISTENT-ID', 'OTHER'] },
    referenceType: text,
    referenceLocator: { type: 'string', pattern: '^\\S+$' },
    comment: text,
  },
  ['referenceCategory', 'referenceType', 'referenceLocator'],
)
const verificationCode = strict({ packageVerificationCodeValue: { type: 'string', pattern: '^[0-9a-f]{40}$' } }, [
  'packageVerificationCodeValue',
])
const packageShape = {
  ...strict(
    {
      ...{ SPDXID: id, name: text, versionInfo: text, downloadLocation: text, filesAnalyzed: { type: 'boolean' } },
      ...{ packageVerificationCode: verificationCode, primaryPackagePurpose: { enum: purposes } },
      ...{ checksums: list(checksum), licenseConcluded: license, licenseDeclared: license, copyrightText: text },
      ...{ sourceInfo: text, externalRefs: list(externalRef) },
    },
    ['SPDXID', 'name', 'downloadLocation'],
  ),
  // 7.9: mandatory if files were analyzed, and otherwise not there.
  if: { properties: { filesAnalyzed: { const: false } }, required: ['filesAnalyzed'] },
  // biome-ignore lint/suspicious/noThenProperty: a schema has it
  then: { not: { required: ['packageVerificationCode'] } },
  else: { required: ['packageVerificationCode'] },
}
const file = strict(
  {
    SPDXID: id,
    // 8.1: relative, from the root of the package.
    fileName: { type: 'string', pattern: '^\\./' },
    checksums: { ...list(checksum), contains: { type: 'object', properties: { algorithm: { const: 'SHA1' } } } },
    ...{ licenseConcluded: license, licenseInfoInFiles: list(license), copyrightText: { type: 'string' } },
  },
  ['SPDXID', 'fileName', 'checksums'],
)
const relationship = strict(
  { spdxElementId: id, relationshipType: { enum: ['DESCRIBES', 'CONTAINS'] }, relatedSpdxElement: id },
  ['spdxElementId', 'relationshipType', 'relatedSpdxElement'],
)

const schema = strict(
  {
    spdxVersion: { const: 'SPDX-2.3' },
    dataLicense: { const: 'CC0-1.0' },
    SPDXID: { const: 'SPDXRef-DOCUMENT' },
    name: text,
    documentNamespace: { type: 'string', pattern: '^https://[^#\\s]+$' },
    creationInfo: strict(
      {
        created: { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$' },
        creators: list({ type: 'string', pattern: '^(Tool|Organization|Person): \\S' }),
        comment: text,
      },
      ['created', 'creators'],
    ),
    packages: list(packageShape),
    hasExtractedLicensingInfos: list(
      strict(
        { licenseId: { type: 'string', pattern: '^LicenseRef-[A-Za-z0-9.-]+$' }, name: text, extractedText: text },
        ['licenseId', 'extractedText'],
      ),
    ),
    files: list(file),
    relationships: list(relationship),
  },
  ['spdxVersion', 'dataLicense', 'SPDXID', 'name', 'documentNamespace', 'creationInfo'],
)

const { SPDX_SCHEMA } = process.env

/** Whether there is the schema that SPDX publishes, which is not ours to ship. */
export const hasPublishedSchema = unlessMissing(
  SPDX_SCHEMA !== undefined,
  'SPDX_SCHEMA does not name the published schema of SPDX 2.3',
)

/** What is wrong with an SPDX 2.3 document by the published schema: of draft 7 in 2.3, of 2019-09 in 2.3.1. */
export function publishedErrors(document: object): readonly string[] {
  const published = JSON.parse(readFileSync(SPDX_SCHEMA!, 'utf8')) as { readonly $schema: string }
  const Draft = published.$schema.includes('draft-07') ? Ajv : Ajv2019
  const validate = new Draft({ allErrors: true, strict: false }).compile(published)
  return validate(document) ? [] : messagesOf(validate.errors)
}

function messagesOf(errors: readonly ErrorObject[] | null | undefined): readonly string[] {
  return (errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}

type Element = Readonly<Record<string, string | boolean>>

/** What is wrong with an SPDX 2.3 document: its members, and elements that are related although they may not be. */
export function spdxErrors(document: object): readonly string[] {
  const validate = new Ajv({ allErrors: true }).compile(schema)
  if (!validate(document)) return messagesOf(validate.errors)
  const { packages, files = [], relationships } = document as Readonly<Record<string, readonly Element[]>>
  const ids = new Set(['SPDXRef-DOCUMENT', ...[...packages!, ...files].map((one) => one['SPDXID'])])
  const fileIds = new Set(files.map((one) => one['SPDXID']))
  const unread = new Set(packages!.filter((one) => one['filesAnalyzed'] === false).map((one) => one['SPDXID']))
  return [
    ...(ids.size === 1 + packages!.length + files.length ? [] : ['two elements have one ID']),
    ...relationships!.flatMap(({ spdxElementId: from, relatedSpdxElement: to }) => [
      ...[from, to].filter((one) => !ids.has(one!)).map((one) => `there is no ${one}`),
      ...(unread.has(from!) && fileIds.has(to!) ? [`${from} contains ${to}, and its files were not analyzed`] : []),
    ]),
  ]
}
