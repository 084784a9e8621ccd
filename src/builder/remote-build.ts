import { resolve } from 'node:path'
import type { BuildOptions, TareEvent } from '../api/index.ts'
import type { Snapshot } from '../content/layers/index.ts'
import type { Host } from '../images/index.ts'
import { parseReference } from '../oci/index.ts'
import { type Reporter, silent, TareError } from '../support/index.ts'
import type { BuildCaches } from './build-caches.ts'
import { engineCaches } from './engine-caches.ts'
import { type PushFacts, type PushPlan, pushPlan } from './engine-push.ts'
import { contextKey, type Plan } from './plan/index.ts'
import { type EngineLink, type EnginePush, inlineMember, RemoteBuilder } from './remote/index.ts'
import { type BuildBases, RegistryLogins, readPushed, sharedKey } from './session/index.ts'
import type { Tools } from './solve/index.ts'

/** What engines are told of a plan besides what this machine would need. */
export interface EngineTools extends Tools {
  /** Returns the config of the plan's image, whose root is among these snapshots. */
  readonly configOf: (snapshots: readonly (Snapshot | undefined)[]) => Uint8Array
}

/** One build on one engine. */
export interface RemoteBuild {
  /** Has the engine make a plan. */
  solve(plan: Plan, tools: EngineTools, bases: BuildBases): Promise<readonly (Snapshot | undefined)[]>
  close(): Promise<void>
}

export interface RemoteFacts extends PushFacts {
  readonly caches: BuildCaches
}

/** Throws `ENGINE_UNSUPPORTED` for options that have no meaning on an engine. */
export function refuseLocalOptions(options: BuildOptions): void {
  const refused = [
    ...(options.isolation === undefined || options.isolation === 'auto' ? [] : ['isolation']),
    ...(options.onFailedStep === undefined ? [] : ['a shell after a failed step']),
    ...(options.rewriteTimestamp === true ? ['rewriting of timestamps'] : []),
    ...(options.explain === true ? ['explanations of its steps'] : []),
  ]
  if (refused.length > 0)
    throw new TareError('ENGINE_UNSUPPORTED', `a build on an engine does not have ${refused.join(' and ')}`, {
      remedy: 'Leave it out, or build here: --builder default.',
    })
}

/** Whether an engine has failed in a way that another one, or the same once more, need not. */
export function isLost(error: unknown): boolean {
  const codes = ['ENGINE_LOST', 'ENGINE_UNREACHABLE', 'ENGINE_TOO_OLD']
  return error instanceof TareError && codes.includes(error.code)
}

/** Returns the build that the options describe, on an engine. */
export function buildOn(link: EngineLink, host: Host, options: BuildOptions, facts: RemoteFacts): RemoteBuild {
  const builder = new RemoteBuilder(link)
  const { report = silent, signal = new AbortController().signal } = options
  const logins = new RegistryLogins(host, { report, signal })
  const given = engineCaches(options, host.environment)
  for (const repository of given.read) logins.mayRead(repository)
  for (const repository of given.written) logins.mayWrite(repository)
  const wanted = pushPlan(options, facts)
  for (const repository of wanted?.repositories ?? []) logins.mayWrite(repository)
  const removals: Promise<void>[] = []
  const because = (reason: string): TareEvent => ({
    ...{ type: 'warning', rule: 'EnginePush', message: `the image is pushed from here, because ${reason}` },
  })
  if (wanted?.reason !== undefined) report(because(wanted.reason))
  const push = wanted === undefined || wanted.reason !== undefined ? undefined : wanted
  const make = (plan: Plan, tools: EngineTools, bases: BuildBases, say: Reporter) =>
    builder.solve(plan, {
      ...{ ...tools, here: tools, host },
      pullable: ({ base }) => {
        const reference = bases.pullable(base)
        if (reference !== undefined) logins.mayRead(reference.split('@')[0]!)
        return reference
      },
      caches: given,
      inline: (value) => facts.caches.takeInline(plan, inlineMember, value),
      push:
        push === undefined
          ? undefined
          : enginePush(push, plan, {
              ...{ host, signal, logins, caches: facts.caches },
              instead: (reason) => say(because(reason)),
            }),
      login: (called) => logins.find(called),
      sharedKey: (about) => sharedKey(host, `${about}\0${pathOf(about, options)}`),
      warn: (message) => say({ type: 'warning', rule: 'EngineDiffers', message }),
      later: (work) => void removals.push(work),
      epoch: plan.output.epoch,
      platform: plan.output.platform,
      hosts: options.hosts ?? [],
      entitlements: [...new Set([...(options.allow ?? []), ...(options.network === 'host' ? ['network.host'] : [])])],
    })
  return {
    solve: async (plan, own, bases) => {
      // Told when it is known that this engine makes the image.
      const said: TareEvent[] = []
      try {
        return await make(plan, own, bases, (event) => void said.push(event))
      } catch (error) {
        // Then another engine makes it, of which nothing is known yet.
        if (isLost(error)) said.length = 0
        throw error
      } finally {
        for (const event of said) report(event)
      }
    },
    close: async () => {
      await Promise.all(removals)
      link.close()
      logins.close()
    },
  }
}

interface PushTools {
  readonly host: Host
  readonly signal: AbortSignal
  readonly caches: BuildCaches
  readonly instead: (reason: string) => void
  readonly logins: RegistryLogins
}

function enginePush(
  { repositories, names, notByDaemon, insecure }: PushPlan,
  { output: { platform } }: Plan,
  { host, signal, caches, instead, logins }: PushTools,
): Omit<EnginePush, 'configOf'> {
  return {
    ...{ repositories, names, notByDaemon, insecure, instead },
    login: (name) => pushLogin(name, logins),
    read: (digest) => readPushed(host, `${repositories[0]}@${digest}`, platform, { insecure, signal }),
    // The first one is where it is looked for first.
    leave: (diffId, blob) => {
      for (const repository of repositories.toReversed()) caches.leave(diffId, blob, repository)
    },
  }
}

/** A token that is good for pushing there, or a password where there are no tokens. */
async function pushLogin(name: string, logins: RegistryLogins): ReturnType<EnginePush['login']> {
  const { registry, repository } = parseReference(name)
  const login = await logins.find(registry)
  if (login === undefined) return undefined
  if (login.kind === 'password') return { username: login.user, password: login.password }
  return { registrytoken: (await login.token([`repository:${repository}:pull,push`])).text }
}

/** The folder behind a context, which tells builds of different folders apart. */
function pathOf(about: string, { context, contexts = {} }: BuildOptions): string {
  if (about === 'context ') return context.kind === 'directory' ? resolve(context.path) : context.kind
  const [, named] = Object.entries(contexts).find(([name]) => `context ${contextKey(name)}` === about) ?? []
  return named !== undefined && 'path' in named ? resolve(named.path) : ''
}
