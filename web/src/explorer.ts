/** The room of the library in which the terminal walks through images, too. */
export * from '../../src/explorer/index.ts'
