import { chmodSync, chownSync, realpathSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { makeFolderOfMode, type ProcessFiles } from '../../../disk/index.ts'
import type { Directory, Tree } from '../../../files/tree/index.ts'
import { TareError, ticks } from '../../../support/index.ts'
import {
  findProgram,
  guard,
  type Machine,
  mountVolatile,
  openWorkFolder,
  overlayOptions,
  quoted,
  removeCgroups,
  resizeTerminal,
} from '../machine/index.ts'
import type { Caches } from '../mounts/index.ts'
import { mountDirect, prepare, type SharedFiles } from '../mounts/index.ts'
import { makeFile, PlainRoot, type Removals, treeAfter, type Unpacked } from '../rootfs/index.ts'
import type { Command, Outcome, Stack, StepOptions } from '../step/index.ts'
import { checkCommand, environmentOf } from './command.ts'
import { hiddenEnvironment, inPieces } from './hidden-env.ts'
import { resolveIdentity } from './identity.ts'
import { mountRoot, type TableLine } from './mount-table.ts'
import { namespaceScript, type StepFacts, secretsFolder } from './namespace-script.ts'
import { readOnlySources } from './nested-mounts.ts'
import { mayMakeTerminals, onNewTerminal } from './new-terminal.ts'
import { runtimeConfig } from './oci-config.ts'
import { checkExit, containerName, isCrun, ociScript, ociTable } from './oci-script.ts'
import type { OutputPipes, PipeStock } from './output-pipes.ts'
import { inputOf, OverlayProcess, pipedInput } from './overlay-process.ts'
import { underFilter } from './system-calls.ts'
import { hintOfUnmapped, refuseUnmapped } from './unmapped.ts'

export interface OverlayTools {
  readonly machine: Machine
  readonly unpacked: Unpacked
  readonly work: ProcessFiles
  readonly caches: Caches
  readonly files: SharedFiles
  readonly pipes: PipeStock
  readonly removals: Removals
  /** Where copied filesystems are kept; undefined: overlays work in the store. */
  readonly trees?: string | undefined
  /** Path of crun or runc; undefined: our own namespaces. */
  readonly runtime?: string | undefined
}

/** Runs a command on an overlay of the stack's unpacked layers. */
export async function runOnOverlay(
  on: Stack,
  command: Command,
  options: StepOptions,
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
  private readonly options: StepOptions
  private readonly tools: OverlayTools
  private readonly folder: string
  private readonly life: number
  private process: OverlayProcess | undefined
  private pipes: Promise<OutputPipes> | undefined
  /** The filesystem as a copy, if overlays are not available. */
  private readonly copy: PlainRoot | undefined
  private after: Tree | undefined
  private removeStubs = () => {}

  constructor(on: Stack, command: Command, options: StepOptions, tools: OverlayTools) {
    this.on = on
    this.command = command
    this.options = options
    this.tools = tools
    this.life = tools.work.owners.announce()
    this.folder = realpathSync(tools.work.make(['work', 'root', 'stubs', 'empty']))
    const { trees, machine } = tools
    const upper = join(this.folder, 'upper')
    if (trees === undefined) makeFolderOfMode(upper, 0o755)
    else this.copy = new PlainRoot({ path: upper, folder: this.folder, trees, machine })
    for (const part of ['root', 'stubs', 'empty']) chmodSync(join(this.folder, part), 0o755)
  }

  async run(): Promise<Outcome> {
    const { on, command, tools, folder } = this
    const tree = on.tree()
    const identity = resolveIdentity(command.user, tree)
    refuseUnmapped(identity, tools.machine.held, tools.machine.oneId)
    const env = environmentOf(command, identity)
    checkCommand(command, env, tree)
    const root = join(folder, 'root')
    if (this.options.inherit?.terminal !== true) this.pipes = tools.pipes.take()
    this.pipes?.catch(() => {})
    const layers = this.copy === undefined ? await tools.unpacked.of(on) : []
    await this.copy?.unpack(on)
    const { signal } = this.options
    const copies = this.copy !== undefined
    const prepared = await prepare(on, command, {
      folder,
      secretsFolder: secretsFolder(root),
      ...tools,
      copies,
      signal,
    })
    if (copies) this.removeStubs = prepared.stubs.fill(join(folder, 'upper'))
    else await prepared.stubs.write(join(folder, 'stubs'), tools.machine)
    const facts: StepFacts = {
      command,
      identity,
      env,
      prepared,
      root,
      userNamespace: tools.machine.nested,
      oneId: tools.machine.oneId,
      procIsCovered: tools.machine.procIsCovered,
      pipedInput: inputOf(this.options.inherit) === 'piped',
      terminal: this.options.inherit?.terminal === true && (tools.runtime !== undefined || mayMakeTerminals()),
      before: tools.runtime === undefined ? underFilter(command, true, folder) : [],
    }
    // The terminal is mounted there; crun creates nothing in a /dev that is a bind mount.
    if (facts.terminal) makeFile(join(prepared.dev.path, 'console'), '', 0o600)
    if (!copies) this.giveRoot(tree.root)
    for (const name of prepared.stubs.missingSystem()) makeFolderOfMode(join(folder, 'upper', name), 0o755)
    this.writeScripts(facts, layers)
    this.options.signal.throwIfAborted()
    const started = this.started(facts, await this.pipes)
    this.process = started
    const exitCode = checkExit(this.tools.runtime, folder, await started.run().finally(() => prepared.release()))
    const ended = ticks()
    return {
      exitCode,
      hint: exitCode === 0 ? undefined : hintOfUnmapped(tree, join(folder, 'upper'), tools.machine.held),
      after: async () => {
        this.removeStubs()
        const after =
          (await this.copy?.after()) ?? (await treeAfter(tree, { folder, pid: started.pid, machine: tools.machine }))
        tools.work.owners.check(this.life)
        this.after = prepared.stubs.touch(after)
        return this.after
      },
      wereFilesAsRead: () => prepared.wereAsRead(ended),
      release: (chain) => this.release(chain),
    }
  }

  async release(chain?: string): Promise<void> {
    await this.process?.end()
    await this.pipes?.then((pipes) => pipes.close()).catch(() => {})
    this.removeStubs()
    if (chain !== undefined && this.copy === undefined && this.after !== undefined)
      await this.tools.unpacked.adopt(join(this.folder, 'upper'), chain, this.after)
    await this.copy?.leave(chain)
    // Those that are ours then need no extra process for their removal.
    openWorkFolder(join(this.folder, 'work'))
    removeCgroups(containerName(this.folder))
    this.tools.removals.add(this.folder)
  }

  /** An overlay's root takes its metadata from the upper directory. */
  private giveRoot({ mode, uid, gid }: Directory): void {
    const upper = join(this.folder, 'upper')
    if (this.tools.machine.root && uid + gid > 0) chownSync(upper, uid, gid)
    chmodSync(upper, mode)
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
        remedy: 'Add a stage that copies it as one layer: FROM scratch, COPY --from=… / /.',
      })
    const inner = join(folder, 'inner.sh')
    const input = inputOf(this.options.inherit)
    const sources = this.writeInner(facts, inner)
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
        'umask 022',
        `exec ${input === 'none' ? '5</dev/null ' : ''}8>&1 9>&2 >&3 2>&3`,
        // Ctrl-C is meant for the command.
        ...(this.options.inherit?.terminal === true ? ['trap : INT QUIT'] : []),
        `cd ${quoted(this.copy === undefined ? tools.unpacked.folder : folder)} || exit`,
        ...mountRoot({
          ...{ folder, root: facts.root, overlay, copy: this.copy?.path },
          flags: command.insecure ? [] : ['nodev'],
          optional: tools.runtime === undefined ? [] : ociTable(tools.runtime, folder),
          sources,
        }),
        ...facts.prepared.beforehand.flatMap((one) =>
          one.overlay === undefined
            ? mountDirect(one.direct, one.at)
            : [`${mountVolatile(one.overlay, one.at)} || exit`],
        ),
        ...facts.prepared.owned.map(({ path, uid, gid }) => `chown ${uid}:${gid} ${quoted(path)} || exit`),
        ...(facts.prepared.cwd.missing === 'below'
          ? [`mkdir -p ${quoted(join(facts.root, facts.prepared.cwd.place))} || exit`]
          : []),
        ...(facts.terminal && tools.runtime === undefined
          ? onNewTerminal(start, facts.identity.uid, facts.oneId)
          : [`${input === 'piped' ? pipedInput : '</dev/null '}${start.map(quoted).join(' ')}`]),
        'echo "exit $?"',
        'exec 8>&- 9>&-',
        'read -r _',
        '',
      ].join('\n'),
      { mode: 0o600 },
    )
  }

  /** Writes the inner script. Returns what must be mounted outside the root before it runs. */
  private writeInner(facts: StepFacts, inner: string): readonly TableLine[] {
    const { folder, tools } = this
    if (tools.runtime === undefined) {
      const { script, tables, places } = namespaceScript(facts)
      writeFileSync(inner, script, { mode: 0o600 })
      for (const [name, text] of Object.entries(tables)) writeFileSync(`${facts.root}.${name}`, text)
      for (const { at, directory } of places) directory ? makeFolderOfMode(at, 0o755) : makeFile(at, '', 0o644)
      return []
    }
    const { lines: sources, mounts } = readOnlySources(facts.prepared, facts.root)
    for (const { at } of sources) makeFolderOfMode(at, 0o755)
    const { bundle, lines } = this.writeBundle({ ...facts, prepared: { ...facts.prepared, mounts } })
    writeFileSync(inner, ociScript(facts, tools.runtime, { folder, bundle, lines }), { mode: 0o600 })
    return sources
  }

  /** Writes the runtime's config.json; if it contains secrets, in memory by lines of the inner script. */
  private writeBundle(facts: StepFacts): { readonly bundle: string; readonly lines: readonly string[] } {
    const { command, folder } = this
    const pieces = inPieces(command, (more) => runtimeConfig({ ...facts, env: [...facts.env, ...more] }))
    if (pieces.texts.length === 1) {
      writeFileSync(join(folder, 'config.json'), pieces.texts[0]!, { mode: 0o600 })
      return { bundle: folder, lines: [] }
    }
    const paths = pieces.texts.map((text, i) => {
      const path = join(folder, `config-${i}`)
      writeFileSync(path, text, { mode: 0o600 })
      return quoted(path)
    })
    const secrets = secretsFolder(facts.root)
    return { bundle: secrets, lines: pieces.lines(paths, quoted(join(secrets, 'config.json'))) }
  }

  private started({ prepared, root }: StepFacts, pipes: OutputPipes | undefined): OverlayProcess {
    const { machine, runtime } = this.tools
    const spell = runtime === undefined ? undefined : (value: string) => JSON.stringify(value).slice(1, -1)
    return new OverlayProcess(
      {
        argv: [...machine.enter(['--mount']), 'sh', join(this.folder, 'outer.sh')],
        hidden: hiddenEnvironment(this.command, spell),
        secrets: Buffer.concat(prepared.secrets.map(({ bytes }) => bytes)),
        root,
        pipes,
        resize: runtime !== undefined && isCrun(runtime) ? (pid) => resizeTerminal(pid, machine) : undefined,
      },
      this.options,
    )
  }
}
