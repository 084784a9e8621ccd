import type { NewLayer } from '../../api/index.ts'
import type { HistoryEntry } from '../../oci/index.ts'
import type { Host } from '../index.ts'
import type { Edit, Edited, ImageToEdit, Json } from './edit-documents.ts'
import { NewLayers } from './new-layers.ts'
import { baseAnnotations } from './rebase.ts'
import type { Workshop } from './workshop.ts'

/** Layers to add, and what the history says of them. */
export interface AppendedLayers {
  readonly layers: readonly NewLayer[]
  readonly epoch?: number | undefined
  /** Says in the result what it was added to. */
  readonly baseAnnotations?: boolean | undefined
}

/** Adds layers to each image. */
export function appending(host: Host, options: AppendedLayers): Edit {
  const made = new NewLayers(options.layers)
  const created = timeOf(host, options.epoch)
  return async (image, workshop) => ({
    ...(await appended(image, workshop, made, created)),
    ...(options.baseAnnotations === true ? { annotations: annotationsOf(image, workshop) } : {}),
  })
}

/** Returns the time for the history: the epoch, otherwise now. */
export function timeOf(host: Host, epoch: number | undefined): string {
  return (epoch === undefined ? host.now() : new Date(epoch * 1000)).toISOString()
}

/** Returns the image with the layers on top. */
export async function appended(
  { image, config, family }: ImageToEdit,
  workshop: Workshop,
  layers: NewLayers,
  created: string,
): Promise<Edited> {
  const added = await layers.of(family, workshop)
  if (image.config.platform.os === 'windows') await layers.refuseUnlessWindows(added, workshop)
  const diffIds = [...image.config.diffIds, ...added.map(({ diffId }) => diffId)]
  const lines = added.map(({ name }): HistoryEntry => ({ created, created_by: `append ${name}`, comment: 'tare' }))
  const history = [...(Array.isArray(config['history']) ? config['history'] : []), ...lines]
  return {
    config: { ...config, history, rootfs: { ...(config['rootfs'] as Json), type: 'layers', diff_ids: diffIds } },
    layers: [...workshop.layersOf(image), ...added.map(({ blob }) => blob)],
  }
}

function annotationsOf({ image }: ImageToEdit, { from, host, options }: Workshop): Readonly<Record<string, string>> {
  return baseAnnotations(host, from, options.image, image.root)
}
