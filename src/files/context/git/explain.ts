import { TareError, withoutCredentials } from '../../../support/index.ts'

/** Returns the error for a failed git. `action` follows "cannot": `read https://…`. */
export function explainGit(action: string, remote: string, stderr: string): unknown {
  const words = lastWords(stderr)
  const message = `cannot ${action}: ${words === '' ? 'git gave no reason' : words}`
  if (/No space left on device/i.test(stderr)) return Object.assign(new Error(words), { code: 'ENOSPC' })
  if (/transport '[^']*' not allowed/.test(stderr))
    return new TareError('GIT_PROTOCOL_REFUSED', message, {
      remedy: 'Repositories and submodules are fetched only over https, http, ssh and git.',
    })
  if (
    /host key verification failed|permission denied \(|could not read (?:username|password)|terminal prompts disabled|authentication failed|returned error: 40[13]|HTTP 40[13]/i.test(
      stderr,
    )
  )
    return new TareError('GIT_DENIED', message, { remedy: deniedRemedy(remote, stderr) })
  if (/repository .*not found|does not appear to be a git repository|not exported|returned error: 404/i.test(stderr))
    return new TareError('GIT_REPOSITORY_MISSING', message, { remedy: 'Check the address.' })
  return new TareError('GIT_FAILED', message, {
    remedy: `Check the address and the network; \`git ls-remote ${withoutCredentials(remote)}\` should work.`,
  })
}

function deniedRemedy(remote: string, stderr: string): string {
  if (/host key verification failed/i.test(stderr))
    return 'The host is unknown: connect to it once with ssh, or add it to known_hosts.'
  if (/^https?:/i.test(remote))
    return 'Check the name, and give git the credentials that `git clone` needs: a credential helper, or --secret id=GIT_AUTH_TOKEN,env=VARIABLE.'
  return 'The key must be in your SSH agent (`ssh-add -l`), and must not require confirmation.'
}

/** Returns the last message of git, or of a program it started, without progress output. */
function lastWords(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) => line.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim())
    .filter((line) => line !== '')
  const telling = lines.filter((line) =>
    /^(?:fatal|error|remote: (?:error|fatal)|ssh:)|denied|failed|not allowed/i.test(line),
  )
  const chosen = (telling.length > 0 ? telling : lines).slice(-3)
  return withoutCredentials(chosen.map((line) => line.replace(/^(?:fatal|error): /, '')).join('; ')).slice(0, 600)
}
