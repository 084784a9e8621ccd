import { Tree } from '../../../files/tree/index.ts'
import type { Step } from '../../../support/index.ts'
import { type DownloadOperation, downloadName } from '../../plan/index.ts'
import type { Downloaded, Tools } from '../tools.ts'

/** Executes ADD of a URL: the file has mode 0600 and the server's date. */
export async function downloadStep(operation: DownloadOperation, tools: Tools, step: Step): Promise<Tree> {
  if (tools.download === undefined) throw new Error(`nothing is fetched in this build: ${operation.url}`)
  const { path, digest, size, modified } = await tools.download(operation)
  step.progress('downloading', size, size, true)
  return treeOfDownload(downloadName(operation.url), { path, digest, size, modified })
}

/** Returns a tree with one downloaded file. */
export function treeOfDownload(name: string, { path, digest, size, modified }: Downloaded): Tree {
  const draft = Tree.empty.edit()
  draft.put([name], {
    kind: 'file',
    mode: 0o600,
    uid: 0,
    gid: 0,
    mtime: modified,
    mtimeNs: 0,
    size,
    content: { kind: 'extent', path, offset: 0, digest },
  })
  return new Tree(draft.done())
}
