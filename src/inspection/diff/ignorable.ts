import type { Ignorable } from '../../api/index.ts'

/** Differences that can be ignored, and what they mean. */
export const ignorable: Readonly<Record<Ignorable, string>> = {
  'file-times': 'modification times of files',
  'image-times': 'when image and layers were made',
  names: 'names that config and annotations have for the image',
  history: 'how the image was made',
  builder: 'what builders say of themselves in config and annotations',
  'json-format': 'bytes of the config that change no value',
  layers: 'how the filesystem is cut into layers',
  'tar-format': 'bytes of a layer that change no file',
  'mount-points': 'empty files and directories that builders leave where they mounted something for RUN',
  annotations: 'annotations of the manifest',
  labels: 'labels of the config',
  'hard-links': 'which names are one file',
  mode: 'permission bits',
  owner: 'user and group',
  xattrs: 'extended attributes',
}

/** Differences to be expected between two builds of the same Dockerfile, by any tool. */
export const semantic: readonly Ignorable[] = [
  'file-times',
  'image-times',
  'names',
  'history',
  'builder',
  'json-format',
  'layers',
  'tar-format',
  'mount-points',
]
