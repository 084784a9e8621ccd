/**
 * Reads one instruction each.
 *
 * In: a statement.  Out: the instruction as a value.
 * Not here: the order of instructions, stages (parse).
 */
export { describedAs } from './metadata.ts'
export { refuseTrigger } from './onbuild.ts'
export { readInstruction } from './read-instruction.ts'
export { type Script, scriptOf } from './run.ts'
