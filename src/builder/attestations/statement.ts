import { type Digest, goJson, hexOf } from '../../oci/index.ts'

export const predicateTypes = {
  provenance: 'https://slsa.dev/provenance/v1',
  sbom: 'https://spdx.dev/Document',
} as const

/** What a statement is about. */
export interface Subject {
  /** A package URL of the image, or the path of one of its files; `_` where there is no name. */
  readonly name: string
  readonly digest: Digest
}

/** Returns an in-toto statement. (in-toto attestation framework, v1) */
export function statementOf(predicateType: string, predicate: object, subjects: readonly Subject[]): Buffer {
  const subject = subjects.map(({ name, digest }) => ({ name, digest: { sha256: hexOf(digest) } }))
  const statement = { _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate }
  return Buffer.from(`${goJson(statement, 2)}\n`)
}
