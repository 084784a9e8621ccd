import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Writable } from 'node:stream'
import type { Tree } from '../../files/tree/index.ts'
import { messageOf, systemCode, TareError } from '../../support/index.ts'
import type { Caches } from './caches.ts'
import { readCapabilities } from './capabilities.ts'
import { changedTree } from './changed-tree.ts'
import { checkCommand, environmentOf } from './command.ts'
import { hiddenEnvironment, inPieces } from './hidden-env.ts'
import { resolveIdentity } from './identity.ts'
import { guard, type Machine, read } from './machine.ts'
import { namespaceScript, type StepFacts } from './namespace-script.ts'
import { runtimeConfig } from './oci-config.ts'
import { ociScript, runtimeLog } from './oci-script.ts'
import { overlayOptions } from './overlay.ts'
import { prepare } from './prepared.ts'
import { ended, findProgram, hear, plainEnvironment, quoted, runProgram } from './programs.ts'
import { signalCommand } from './signal-command.ts'
import type { Command, Outcome, RunOptions, Stack } from './types.ts'
import { removeAll, type Unpacked } from './unpacked.ts'
import { type Found, walk } from './walk.ts'
import type { WorkFolders } from './work-folder.ts'

export interface OverlayTools {
  readonly machine: Machine
  readonly unpacked: Unpacked
  readonly work: WorkFolders
  readonly caches: Caches
  /** Path of crun or runc; undefined: our own namespaces. */
  readonly runtime?: string | undefined
}

/** Runs a command over an overlay of the stack's unpacked layers. */
export async function runOnOverlay(
  on: Stack,
  command: Command,
  options: RunOptions,
  tools: OverlayTools,
): Promise<Outcome> {
  const step = new OverlayStep(on, command, options, tools)
  try {
    return await step.run()
  } catch (error) {
    await step.release()
    throw error
  }
}

class OverlayStep {
  private readonly on: Stack
  private readonly command: Command
  private readonly options: RunOptions
  private readonly tools: OverlayTools
  private readonly folder: string
  private child: ChildProcess | undefined
  private childEnded: Promise<number> | undefined

  constructor(on: Stack, command: Command, options: RunOptions, tools: OverlayTools) {
    this.on = on
    this.command = command
    this.options = options
    this.tools = tools
    this.folder = tools.work.make(['upper', 'work', 'root', 'stubs', 'empty'])
  }

  async run(): Promise<Outcome> {
    const { on, command, tools, folder } = this
    const tree = on.tree()
    const identity = resolveIdentity(command.user, tree)
    const env = environmentOf(command, identity)
    const { hasShell, cwd } = checkCommand(command, env, tree)
    const layers = await tools.unpacked.of(on)
    const prepared = await prepare(on, command, { folder, ...tools, signal: this.options.signal })
    await prepared.stubs.write(join(folder, 'stubs'), tools.machine)
    const facts: StepFacts = {
      command,
      identity,
      env,
      cwd,
      prepared,
      root: join(folder, 'root'),
      hasShell,
      userNamespace: !tools.machine.root,
      terminal: this.options.inherit?.terminal === true,
    }
    this.writeScripts(facts, layers)
    this.options.signal.throwIfAborted()
    const exitCode = await this.start(facts).finally(() => prepared.release())
    return {
      exitCode,
      after: async () => prepared.stubs.touch(await this.after(tree)),
      release: (chain) => this.release(chain),
    }
  }

  async release(chain?: string): Promise<void> {
    this.child?.kill('SIGKILL')
    await this.childEnded?.catch(() => {})
    if (chain !== undefined) this.tools.unpacked.adopt(join(this.folder, 'upper'), chain)
    // The kernel lets nobody in there; they are ours, and so removing takes no further process. (overlayfs.rst, "Volatile mount")
    for (const place of ['work', 'work/incompat', 'work/incompat/volatile'])
      try {
        chmodSync(join(this.folder, 'work', place), 0o700)
      } catch {
        // It is not there, or not ours.
      }
    await removeAll(this.tools.machine, [this.folder])
  }

  private writeScripts(facts: StepFacts, layers: readonly string[]): void {
    const { folder, tools, command } = this
    const here = (name: string) => relative(tools.unpacked.folder, join(folder, name))
    const overlay = overlayOptions([...layers, here('stubs')], {
      upper: here('upper'),
      work: here('work'),
      machine: tools.machine,
    })
    if (overlay === undefined)
      throw new TareError('SANDBOX_FAILED', `the filesystem has too many layers (${layers.length}) for one mount`, {
        remedy: 'Put a stage in between that copies it as one layer: FROM scratch, COPY --from=… / /.',
      })
    const inner = join(folder, 'inner.sh')
    if (tools.runtime === undefined) {
      const { script, table, extra } = namespaceScript(facts)
      writeFileSync(inner, script, { mode: 0o600 })
      writeFileSync(`${facts.root}.table`, table)
      writeFileSync(`${facts.root}.extra`, extra)
    } else {
      const { bundle, lines } = this.writeBundle(facts)
      writeFileSync(inner, ociScript(facts, tools.runtime, { folder, bundle, lines }), { mode: 0o600 })
    }
    const own =
      tools.runtime === undefined
        ? ['--uts', '--ipc', ...(command.network === 'none' ? ['--net'] : [])]
        : ['--mount-proc']
    const start = [
      ...guard(),
      findProgram('unshare') ?? 'unshare',
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      ...own,
      '--',
      'sh',
      inner,
    ]
    writeFileSync(
      join(folder, 'outer.sh'),
      [
        `exec ${this.options.inherit?.stdin === true ? '' : '5</dev/null '}8>&1 9>&2 >&3 2>&3`,
        // Ctrl-C is for the command.
        ...(this.options.inherit?.terminal === true ? ['trap : INT QUIT'] : []),
        `cd ${quoted(tools.unpacked.folder)} || exit`,
        // Nothing in it has to outlive a crash of the machine: then the kernel need not wait for the disk at the end.
        `mount -n -t overlay -o ${quoted(`${overlay},volatile`)} overlay ${quoted(facts.root)} 2>/dev/null || mount -n -t overlay -o ${quoted(overlay)} overlay ${quoted(facts.root)} || exit`,
        ...facts.prepared.beforehand.map(
          ({ at, overlay }) => `mount -n -t overlay -o ${quoted(overlay)} overlay ${quoted(at)} || exit`,
        ),
        ...facts.prepared.owned.map(({ path, uid, gid }) => `chown ${uid}:${gid} ${quoted(path)} || exit`),
        ...(facts.cwd === ''
          ? []
          : [`[ -d ${quoted(join(facts.root, facts.cwd))} ] || mkdir -p ${quoted(join(facts.root, facts.cwd))}`]),
        `${start.map(quoted).join(' ')} </dev/null`,
        'echo "exit $?"',
        'exec 8>&- 9>&-',
        'read -r _',
        '',
      ].join('\n'),
    )
  }

  /** The runtime's config.json: in memory, by lines of the inner script, where it holds secrets. */
  private writeBundle(facts: StepFacts): { readonly bundle: string; readonly lines: readonly string[] } {
    const { command, folder } = this
    const secrets = `${facts.root}-secrets`
    const pieces = inPieces(command, (more) => runtimeConfig({ ...facts, env: [...facts.env, ...more] }, secrets))
    if (pieces.texts.length === 1) {
      writeFileSync(join(folder, 'config.json'), pieces.texts[0]!)
      return { bundle: folder, lines: [] }
    }
    const paths = pieces.texts.map((text, i) => {
      const path = join(folder, `config-${i}`)
      writeFileSync(path, text)
      return quoted(path)
    })
    return { bundle: secrets, lines: pieces.lines(paths, quoted(join(secrets, 'config.json'))) }
  }

  /** Runs the scripts; the outer one stays, and with it the mounts, until `release`. */
  private async start({ prepared, root }: StepFacts): Promise<number> {
    const { machine } = this.tools
    const [program = '', ...rest] = [...machine.enter(['--mount']), 'sh', join(this.folder, 'outer.sh')]
    const { inherit, started } = this.options
    const out = inherit === undefined ? 'pipe' : 'inherit'
    const stdio: StdioOptions = ['pipe', out, out, 'pipe', 'pipe', inherit?.stdin === true ? 0 : 'ignore']
    const hidden = hiddenEnvironment(
      this.command,
      this.tools.runtime === undefined ? undefined : (value) => JSON.stringify(value).slice(1, -1),
    )
    const child: ChildProcess = spawn(program, rest, { env: { ...plainEnvironment, ...hidden }, stdio })
    this.child = child
    this.childEnded = ended(child)
    this.childEnded.catch(() => {})
    const stop = () => child.kill('SIGKILL')
    this.options.signal.addEventListener('abort', stop, { once: true })
    const heard = hear(child, this.options.output, stop)
    const outputs = Promise.all(
      [child.stdout, child.stderr].flatMap((stream) => (stream === null ? [] : drained(stream))),
    )
    const secrets = child.stdio[4] as Writable
    secrets.on('error', () => {})
    secrets.end(Buffer.concat(prepared.secrets.map(({ bytes }) => bytes)))
    child.stdin!.on('error', () => {})
    let said = ''
    const status = new Promise<void>((resolve) => {
      const pipe = child.stdio[3]! as NodeJS.ReadableStream
      pipe.setEncoding('utf8')
      pipe.on('data', (text: string) => {
        said += text
        if (started !== undefined && /^ready$/m.test(text)) started((signal) => signalCommand(child.pid!, signal))
        if (/^exit \d+\n/m.test(said)) resolve()
      })
      pipe.on('close', resolve)
    })
    try {
      await Promise.race([status, this.childEnded])
      await status
      await outputs
    } catch (cause) {
      throw new TareError('SANDBOX_FAILED', `cannot start ${program}: ${messageOf(cause)}`, { cause })
    } finally {
      this.options.signal.removeEventListener('abort', stop)
    }
    this.options.signal.throwIfAborted()
    heard.check()
    const code = /^exit (\d+)$/m.exec(said)?.[1]
    if (code !== undefined && /^ready$/m.test(said)) return this.checked(Number(code))
    const words = said
      .split('\n')
      .filter((line) => line !== '' && !/^exit \d+$|dmesg\(1\)|^ready$/.test(line))
      .join('; ')
      .replaceAll(root, '')
    throw new TareError(
      'SANDBOX_FAILED',
      `cannot set up the filesystem of the step${words === '' ? '' : `: ${words}`}`,
      {
        remedy:
          'Run `tare doctor`: it says what this machine allows and how to mend it; --isolation picks another way.',
      },
    )
  }

  /** The exit code, unless it is that of a runtime which did not get as far as the command. */
  private checked(code: number): number {
    const text = code === 0 || this.tools.runtime === undefined ? '' : read(runtimeLog(this.folder))
    // In a user namespace runc cannot remove the cgroups that it could not make.
    const error = text
      .split('\n')
      .findLast((line) => /error/i.test(line) && !/level=warning|cgroup|remove paths/i.test(line))
    if (error === undefined) return code
    const message = /msg="((?:[^"\\]|\\.)*)"/.exec(error)?.[1]?.replace(/\\(.)/g, '$1') ?? error
    throw new TareError('SANDBOX_FAILED', `${this.tools.runtime} could not run the step: ${message}`, {
      remedy: /exec format error/i.test(message)
        ? 'The program is for another architecture, or a script without #! in its first line.'
        : 'Try --isolation=namespace; `tare doctor` says what this machine allows.',
    })
  }

  private async after(below: Tree): Promise<Tree> {
    const { machine } = this.tools
    const upper = join(this.folder, 'upper')
    const pid = this.child!.pid!
    const merged = `/proc/${pid}/root${join(this.folder, 'root')}`
    let found: Found
    let aside: string | undefined
    let inside = false
    try {
      found = walk(upper, merged)[0]!
      if (!machine.root) checkReadable(found)
    } catch (error) {
      if (machine.root || (systemCode(error) !== 'EACCES' && systemCode(error) !== 'EPERM')) throw error
      aside = join(this.folder, 'aside')
      found = await this.walkInside(upper, join(this.folder, 'root'), aside)
      inside = true
    }
    const mapped = !machine.root && !inside
    return changedTree(found, {
      below,
      folder: upper,
      aside,
      uid: mapped ? idsOf(pid, 'uid_map') : (id) => id,
      gid: mapped ? idsOf(pid, 'gid_map') : (id) => id,
      capabilities: await readCapabilities(found, upper, machine),
    })
  }

  /** Looks around as the root of the step's namespaces does: some files are closed to everybody outside. */
  private async walkInside(upper: string, merged: string, aside: string): Promise<Found> {
    const script = `process.stdout.write(JSON.stringify((${walk.toString()})(...${JSON.stringify([upper, merged, aside])})))`
    const enter = [
      findProgram('nsenter') ?? 'nsenter',
      '--target',
      String(this.child!.pid),
      '--user',
      '--mount',
      '--preserve-credentials',
      '--',
    ]
    const { code, stdout, stderr } = await runProgram([...enter, process.execPath, '-e', script])
    if (code !== 0) throw new Error(`reading what a step wrote failed: ${stderr}`)
    return (JSON.parse(stdout.toString('utf8')) as Found[])[0]!
  }
}

function drained(stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve) => {
    stream.on('close', resolve)
    stream.on('end', resolve)
  })
}

/** Throws EACCES where a file could not be read from outside the user namespace. */
function checkReadable(found: Found): void {
  const uid = process.geteuid?.()
  for (const child of found.children ?? []) {
    const bit = child.uid === uid ? 0o400 : 0o4
    if (child.kind === 'file' && child.size > 0 && (child.mode & bit) === 0)
      throw Object.assign(new Error(`cannot read ${child.name}`), { code: 'EACCES' })
    if (child.kind === 'directory') checkReadable(child)
  }
}

/** Ids inside the user namespace of the process, of those outside. (user_namespaces(7)) */
function idsOf(pid: number, map: 'uid_map' | 'gid_map'): (id: number) => number {
  const lines = readFileSync(`/proc/${pid}/${map}`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  return (id) => {
    for (const [inside = 0, outside = 0, count = 0] of lines)
      if (id >= outside && id < outside + count) return inside + id - outside
    return 65534
  }
}
