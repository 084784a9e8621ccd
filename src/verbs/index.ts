/**
 * What a user can do with images, one file each: combines the rooms below.
 *
 * In: a Host (store, clock, platform) and options.  Out: values and events.
 * Not here: argv, text for people.
 */
export { openTare } from './library.ts'
