/**
 * What an engine may ask of this machine during a build: files, secrets, agents, logins, a place for results; nothing else.
 *
 * In: what the build offers.  Out: services for a session.
 * Not here: how the session is connected, who decides what is offered.
 */
export { contentService, type IncomingBlob, type OfferedContent } from './content.ts'
export { filesService, type OfferedFiles } from './files.ts'
export { healthService } from './health.ts'
export { loginsService, type OfferedLogin } from './logins.ts'
export { type Incoming, receiveService } from './receive.ts'
export { secretsService } from './secrets.ts'
export { agentService } from './ssh.ts'
