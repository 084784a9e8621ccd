/**
 * Decides what has to happen: instructions → a graph of operations, each referring only to earlier ones.
 *
 * In: a parsed Dockerfile, arguments, and a function that resolves base images.  Out: a Plan, plain data that could be printed.
 * Not here: doing any of it.
 */

export { agentId, agentMissing, refuseInsecure, secretId, secretMissing, targetOf } from './mount-needs.ts'
export { contextKey } from './named-contexts.ts'
export type { Outline, OutlinedArg, OutlinedMount } from './outline.ts'
export { type Planned, planBuild } from './planner.ts'
export { downloadName } from './remote-source.ts'
export * from './types.ts'
