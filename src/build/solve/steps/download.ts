import { Tree } from '../../../files/tree/index.ts'
import { type Step, TareError } from '../../../support/index.ts'
import { type DownloadOperation, downloadName, isGitAddress } from '../../plan/index.ts'
import type { Tools } from '../tools.ts'

/** ADD of a URL: the file, for its owner alone and as old as the server says. */
export async function downloadStep(operation: DownloadOperation, tools: Tools, step: Step): Promise<Tree> {
  const { url } = operation
  if (isGitAddress(url))
    throw new TareError('REMOTE_UNSUPPORTED', 'ADD from a git repository is not supported yet', {
      remedy: 'Check it out before the build and ADD the folder.',
    })
  if (tools.download === undefined)
    throw new TareError('REMOTE_UNSUPPORTED', `nothing is fetched in this build: ${url}`)
  const { path, digest, size, modified } = await tools.download(operation)
  step.progress('downloading', size, size, true)
  const draft = Tree.empty.edit()
  draft.put([downloadName(url)], {
    kind: 'file',
    mode: 0o600,
    uid: 0,
    gid: 0,
    mtime: modified,
    mtimeNs: 0,
    size,
    digest,
    content: { kind: 'extent', path, offset: 0 },
  })
  return new Tree(draft.done())
}
