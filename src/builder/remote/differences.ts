import type { Operation } from '../plan/index.ts'

/** Returns what an older engine does otherwise, and cannot be avoided: it is said instead. */
export function differencesOf(llb: ReadonlySet<string>, operations: Iterable<Operation>): readonly string[] {
  const all = [...operations]
  const runs = all.filter(({ kind }) => kind === 'run')
  const isMounted = runs.some((operation) => operation.kind === 'run' && operation.mounts.length > 0)
  const said: string[] = []
  // BuildKit 0.8, in docker 20.10.
  if (!llb.has('file.copy.includeexcludepatterns') && all.some(({ kind }) => kind === 'copy'))
    said.push('the engine’s COPY and ADD do not keep the times of directories: its BuildKit is too old')
  if (!llb.has('file.copy.includeexcludepatterns') && runs.length > 0)
    said.push(
      'the engine’s RUN differs in the groups of a USER, and in the layers of folders that a command replaces or removes: its BuildKit is too old',
    )
  if (!llb.has('exec.meta.removemountstubs.recursive') && isMounted)
    said.push(
      'the engine leaves the folders of mount points of RUN --mount in the image: its BuildKit is too old to remove them',
    )
  return said
}
