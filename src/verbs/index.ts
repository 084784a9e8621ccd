/**
 * What a person can do with images, a file each: the rooms below joined into something wanted.
 *
 * In: a Host (store, clock, platform) and options.  Out: values and events.
 * Not here: argv, text for people.
 */
export { openTare } from './library.ts'
