/**
 * What a build states about its images: how they were made, and what is in them.
 *
 * In: what a build knows of its inputs, an image's bill of materials, a manifest's descriptor.  Out: in-toto statements, and the
 * manifests that hold them.
 * Not here: reading files, uploading, signing.
 */
export { publicAddress } from './hidden.ts'
export { attestationEntry, attestationManifest, type Piece, referrerManifest } from './manifests.ts'
export { type Material, type ProvenanceFacts, provenanceOf } from './provenance.ts'
export { predicateTypes, type Subject, statementOf } from './statement.ts'
