/**
 * What the library's options have to be, as data beside their types, and the check of it.
 *
 * In: the options of a call, as they came.  Out: nothing, or a TareError that names the option.
 * Not here: what options mean (a platform that does not exist, a name that cannot be parsed).
 */
export { checkOptions, checkText, type Shape } from './check-options.ts'
export {
  checkContentsOptions,
  copyOutOptions,
  exportOptions,
  fileDiffOptions,
  fileOptions,
  filesOptions,
  imageDiffOptions,
  lookOptions,
  sbomOptions,
  weighOptions,
  whyOptions,
} from './contents-options.ts'
export { appendOptions, editOptions, mutateOptions, rebaseOptions } from './edit-options.ts'
export * from './options.ts'
export { cachePruneOptions, cacheUsageOptions, pruneSharedOptions } from './prune-options.ts'
