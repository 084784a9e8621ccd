import { encodeName } from '../../../support/index.ts'

/** Returns the actions that put files of these texts into an empty filesystem, one after the other. */
export function fileActions(files: readonly { readonly name: string; readonly text: string }[], mode: number) {
  return files.map(({ name, text }, i) => ({
    input: BigInt(i - 1),
    secondaryInput: -1n,
    output: i === files.length - 1 ? 0n : -1n,
    action: { case: 'mkfile' as const, value: { path: `/${name}`, mode, data: encodeName(text), timestamp: -1n } },
  }))
}
