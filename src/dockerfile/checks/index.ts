/**
 * Docker's build checks that need no more than the text.
 *
 * In: statements and instructions.  Out: findings with rule, address and line.
 * Not here: checks that need values of variables or a base image (builder/plan).
 */
export { type Finding, findings, isWanted, looksSecret, warning } from './checks.ts'
export { lint, type Reading } from './lint.ts'
