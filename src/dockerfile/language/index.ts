/**
 * What the rooms of the Dockerfile language share: the instructions as types, text as the language sees it, errors in BuildKit's words.
 *
 * In: text.  Out: types, and small functions over text.
 * Not here: anything that reads a whole line.
 */
export { longestText, onLine, refusal, tooLong } from './refuse.ts'
export { didYouMean, suggest } from './suggest.ts'
export { cleanPath, cut, isBlank, isSpace, parseBoolean, quote, trim, trimStart } from './text.ts'
export type {
  Add,
  Arg,
  ArgPair,
  CheckDirective,
  Cmd,
  CommandLine,
  Copy,
  Dockerfile,
  Entrypoint,
  Env,
  Expose,
  From,
  HealthcheckInstruction,
  Heredoc,
  Instruction,
  KeyValue,
  Label,
  Maintainer,
  Mount,
  Onbuild,
  Run,
  Shell,
  Stage,
  StopSignal,
  User,
  Volume,
  Warning,
  Workdir,
} from './types.ts'
