/**
 * The tar format: bytes ⇄ entries, strict in, deterministic out.
 */
export * from './types.ts'
