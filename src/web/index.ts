/**
 * The page that shows images: on loopback for a browser of this machine, or in one file for anybody's.
 *
 * In: the library, and which images.  Out: a document, and its answers as JSON.
 * Not here: the page itself (web/, built into dist/page.html), the terminal (cli).
 */
export { type Answers, answersOf, type ExploredImages } from './answers.ts'
export { openBrowser } from './open-browser.ts'
export { wholePage } from './page.ts'
export { type PageServer, servePage } from './server.ts'
