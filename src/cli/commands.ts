import type { AnyVerb } from './command.ts'

export interface CommandEntry {
  /** All its names; the first is where help lists it besides its own group. */
  readonly names: readonly string[]
  readonly summary: string
  /** Listed under "Common Commands" in the help of `tare`. */
  readonly common?: true
  /** It deletes something, so it is never suggested for a typo. */
  readonly removes?: true
  readonly load: () => Promise<AnyVerb>
}

/** All verbs. Each is in a file of its own that is loaded when it is called. */
export const commands: readonly CommandEntry[] = [
  {
    names: ['build', 'image build', 'buildx build', 'builder build'],
    summary: 'Build an image from a Dockerfile',
    common: true,
    load: async () => (await import('./verbs/build/build.ts')).build,
  },
  {
    names: ['images', 'image ls', 'image list'],
    summary: 'List images',
    common: true,
    load: async () => (await import('./verbs/images/images.ts')).images,
  },
  {
    names: ['version'],
    summary: 'Show the tare version information',
    common: true,
    load: async () => (await import('./verbs/version.ts')).version,
  },
  {
    names: ['history', 'image history'],
    summary: 'Show the history of an image',
    load: async () => (await import('./verbs/images/history.ts')).history,
  },
  {
    names: ['import', 'image import'],
    summary: 'Import the contents from a tarball to create a filesystem image',
    load: async () => (await import('./verbs/images/import.ts')).importImage,
  },
  {
    names: ['inspect', 'image inspect'],
    summary: 'Display detailed information on one or more images',
    load: async () => (await import('./verbs/images/inspect.ts')).inspect,
  },
  {
    names: ['load', 'image load'],
    summary: 'Load an image from a tar archive or STDIN',
    load: async () => (await import('./verbs/images/load.ts')).load,
  },
  {
    names: ['pull', 'image pull'],
    summary: 'Download an image from a registry',
    common: true,
    load: async () => (await import('./verbs/registry/pull.ts')).pull,
  },
  {
    names: ['push', 'image push'],
    summary: 'Upload an image to a registry',
    common: true,
    load: async () => (await import('./verbs/registry/push.ts')).push,
  },
  {
    names: ['rmi', 'image rm', 'image remove'],
    summary: 'Remove one or more images',
    removes: true,
    load: async () => (await import('./verbs/images/remove.ts')).remove,
  },
  {
    names: ['save', 'image save'],
    summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
    load: async () => (await import('./verbs/images/save.ts')).save,
  },
  {
    names: ['run'],
    summary: 'Run a command in an image and discard what it writes',
    common: true,
    load: async () => (await import('./verbs/build/run.ts')).run,
  },
  {
    names: ['tag', 'image tag'],
    summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
    load: async () => (await import('./verbs/images/tag.ts')).tag,
  },
  {
    names: ['login'],
    summary: 'Authenticate to a registry',
    common: true,
    load: async () => (await import('./verbs/registry/login.ts')).login,
  },
  {
    names: ['logout'],
    summary: 'Log out from a registry',
    removes: true,
    common: true,
    load: async () => (await import('./verbs/registry/login.ts')).logout,
  },
  {
    names: ['copy', 'image copy'],
    summary: 'Copy an image between registries, the store, layouts and archives',
    load: async () => (await import('./verbs/registry/copy.ts')).copy,
  },
  {
    names: ['image append'],
    summary: 'Add a tar or a directory to an image as a layer',
    load: async () => (await import('./verbs/images/append.ts')).append,
  },
  {
    names: ['image mutate'],
    summary: 'Change environment, labels, command and the like of an image',
    load: async () => (await import('./verbs/images/mutate.ts')).mutate,
  },
  {
    names: ['image rebase'],
    summary: 'Put the layers of an image onto another base image',
    load: async () => (await import('./verbs/images/rebase.ts')).rebase,
  },
  {
    names: ['image flatten'],
    summary: 'Merge the layers of an image into one',
    load: async () => (await import('./verbs/images/flatten.ts')).flatten,
  },
  {
    names: ['image diff'],
    summary: 'Show what differs between two images',
    load: async () => (await import('./verbs/contents/diff.ts')).diff,
  },
  {
    names: ['image digest'],
    summary: 'Show the digest of an image in its registry',
    load: async () => (await import('./verbs/registry/remote.ts')).imageDigest,
  },
  {
    names: ['image manifest'],
    summary: 'Show the manifest or index of an image in its registry',
    load: async () => (await import('./verbs/registry/remote.ts')).imageManifest,
  },
  {
    names: ['image config'],
    summary: 'Show the config of an image in its registry',
    load: async () => (await import('./verbs/registry/remote.ts')).imageConfig,
  },
  {
    names: ['image layers'],
    summary: 'List the layers of an image',
    load: async () => (await import('./verbs/contents/layers.ts')).layers,
  },
  {
    names: ['image files'],
    summary: 'List the files of an image',
    load: async () => (await import('./verbs/contents/files.ts')).files,
  },
  {
    names: ['image cat'],
    summary: 'Print a file of an image',
    load: async () => (await import('./verbs/contents/cat.ts')).cat,
  },
  {
    names: ['image why'],
    summary: 'Show which layers and instructions wrote, changed or removed a file',
    load: async () => (await import('./verbs/contents/why.ts')).why,
  },
  {
    names: ['export', 'image export'],
    summary: "Export an image's filesystem as a tar archive",
    load: async () => (await import('./verbs/contents/export.ts')).exportImage,
  },
  {
    names: ['cp', 'image cp'],
    summary: 'Copy files or directories out of an image',
    load: async () => (await import('./verbs/contents/copy-out.ts')).copyOut,
  },
  {
    names: ['index create'],
    summary: 'Create an index in a registry with an image for each platform',
    load: async () => (await import('./verbs/registry/index-verbs.ts')).indexCreate,
  },
  {
    names: ['index annotate'],
    summary: 'Change the annotations or platforms of an index in a registry',
    load: async () => (await import('./verbs/registry/index-verbs.ts')).indexAnnotate,
  },
  {
    names: ['registry ls', 'registry list'],
    summary: 'List the tags of a repository',
    load: async () => (await import('./verbs/registry/remote.ts')).registryList,
  },
  {
    names: ['registry referrers'],
    summary: 'List what refers to an image in its registry, such as signatures and SBOMs',
    load: async () => (await import('./verbs/registry/referrers.ts')).referrers,
  },
  {
    names: ['registry rm', 'registry remove'],
    summary: 'Remove an image from its registry',
    removes: true,
    load: async () => (await import('./verbs/registry/remote.ts')).registryRemove,
  },
  {
    names: ['check', 'image check'],
    summary: 'Find mistakes and secrets in an image',
    load: async () => (await import('./verbs/contents/check.ts')).check,
  },
  {
    names: ['sbom', 'image sbom'],
    summary: 'Print the software bill of materials of an image',
    load: async () => (await import('./verbs/contents/sbom.ts')).sbom,
  },
  {
    names: ['explore', 'image explore'],
    summary: 'Show an image in the browser or the terminal: layers, files and sizes',
    load: async () => (await import('./verbs/contents/explore.ts')).explore,
  },
  {
    names: ['image weigh'],
    summary: 'Show what takes up space in an image, and what is wasted',
    load: async () => (await import('./verbs/contents/weigh.ts')).weigh,
  },
  {
    names: ['image prune'],
    summary: 'Remove unused images',
    removes: true,
    load: async () => (await import('./verbs/images/prune.ts')).prune,
  },
  {
    names: ['builder du', 'buildx du'],
    summary: 'Show what takes up space in the store',
    load: async () => (await import('./verbs/cache/builder-du.ts')).builderDu,
  },
  {
    names: ['builder prune', 'buildx prune'],
    summary: 'Remove build cache',
    removes: true,
    load: async () => (await import('./verbs/cache/builder-prune.ts')).builderPrune,
  },
  {
    names: ['cache export'],
    summary: 'Export the cache mounts of RUN to a file',
    load: async () => (await import('./verbs/cache/cache.ts')).cacheExport,
  },
  {
    names: ['cache import'],
    summary: 'Import cache mounts of RUN from a file',
    load: async () => (await import('./verbs/cache/cache.ts')).cacheImport,
  },
  {
    names: ['cache ls', 'cache list'],
    summary: 'List the cache mounts of RUN',
    load: async () => (await import('./verbs/cache/cache.ts')).cacheList,
  },
  {
    names: ['completion'],
    summary: 'Print a script that completes command lines in bash, zsh or fish',
    load: async () => (await import('./verbs/completion.ts')).completion,
  },
  {
    names: ['kaniko'],
    summary: "Build and push with the flags of kaniko's executor",
    load: async () => (await import('./verbs/kaniko/kaniko.ts')).kaniko,
  },
  {
    names: ['doctor'],
    summary: 'Show what RUN can use on this machine, and how to fix what is missing',
    load: async () => (await import('./verbs/build/doctor.ts')).doctor,
  },
  {
    names: ['system df'],
    summary: 'Show disk usage',
    load: async () => (await import('./verbs/cache/system-df.ts')).systemDf,
  },
]

/** Words that precede a verb: `tare image ls`. */
export const groups: Readonly<Record<string, string>> = {
  builder: 'Manage builds',
  buildx: 'Manage builds (as docker buildx)',
  cache: 'Manage the cache mounts of RUN',
  image: 'Manage images',
  index: 'Manage multi-platform indexes in registries',
  registry: 'Manage repositories in registries',
  system: 'Manage the store',
}

export function findCommand(name: string): CommandEntry | undefined {
  return commands.find(({ names }) => names.includes(name))
}

/** Lists a group's verbs as `[name, summary]`, without aliases; without a group, those with a single word. */
export function listCommands(group: string | undefined): readonly (readonly [string, CommandEntry])[] {
  const found = commands.flatMap((command) => {
    const name = command.names.find((candidate) =>
      group === undefined ? !candidate.includes(' ') : candidate.startsWith(`${group} `),
    )
    return name === undefined ? [] : [[group === undefined ? name : name.slice(group.length + 1), command] as const]
  })
  return found.sort(([a], [b]) => (a < b ? -1 : 1))
}
