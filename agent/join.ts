import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { X509Certificate } from 'node:crypto'

import { ConfigError } from '../common/config-error.js'
import { createLog } from '../common/log.js'
import type { AgentConfig } from './config.js'
import { controllerAddress } from './controller-address.js'
import { asOwnerOf } from './data-owner.js'
import { RefusedLogin } from './hypervisor/esxi/refused-login.js'
import type { HostIdentity } from './hypervisor/hypervisor.js'
import {
  configOf,
  freshConfig,
  JoinFailed,
  joinOptions,
  wholeCommand,
  words,
  type JoinOptions,
} from './join-options.js'
import { errandsHere } from './errands.js'
import { entryLabel, loadHostIds, openSources, type Source } from './open-hypervisors.js'
import { enrol } from './report/enrol.js'
import { loadIdentity, type Identity } from './report/identity.js'
import type { ServiceUnit } from './service-unit.js'

/** What joining meets of the world around it. */
export interface JoinShell {
  readonly readStdin: () => Promise<string>
  readonly print: (text: string) => void
  readonly now: () => number
  readonly version: string
  /** The installed service that runs with this configuration, if it can be started. */
  readonly service: (configFile: string) => ServiceUnit | undefined
  readonly signal: AbortSignal
}

/**
 * `headroom-agent join`: enrols this machine's agent, writes its configuration where there is none, and starts its service.
 * Saying it twice does no harm. Said by root, it leaves files of the data directory's owner.
 * @throws JoinFailed, ConfigError, EnrolmentRefused, or what opening the hypervisor throws
 */
export async function joinController(args: readonly string[], shell: JoinShell): Promise<void> {
  const options = joinOptions(args)
  const { address, configFile } = options
  const existing = existsSync(configFile)
  const config = configOf(options, existing)
  const { print } = shell
  const service = shell.service(configFile)
  const stored = await storedIdentity(config.data)
  if (stored !== undefined && !options.replace) {
    const joined = controllerAddress(config, stored)
    if (joined !== address) {
      throw new JoinFailed(`this agent has joined ${joined} already; with --replace it joins ${address} instead`)
    }
    if (!existing) await writeConfig(configFile, options, print)
    print(`This agent has joined ${address} already, ${described(stored, shell.now())}. --replace would join it anew.`)
    await goOn({ service, options, joined: false, print })
    return
  }
  const token = await tokenOf(options, shell.readStdin)
  const { identity, hosts, grantedHostIds } = await asOwnerOf(config.data, (await service?.groups()) ?? [], () =>
    enrolHere(token, { config, options, shell }),
  )
  if (!existing) await writeConfig(configFile, options, print)
  const named = (granted: boolean): string =>
    hosts
      .filter(({ hostId }) => grantedHostIds.includes(hostId) === granted)
      .map(({ name }) => name)
      .join(', ')
  print(`Joined ${address} as ${identity.agentId} for ${named(true) || 'no host yet'}.`)
  if (named(false) !== '') {
    print(`Not granted: ${named(false)}. On the controller: headroom agent grant ${identity.agentId} HOST`)
  }
  await goOn({ service, options, joined: true, print })
}

/** Trades the token for an identity of the hosts that the configuration's hypervisors are. */
async function enrolHere(
  token: string,
  {
    config,
    options,
    shell,
  }: { readonly config: AgentConfig; readonly options: JoinOptions; readonly shell: JoinShell },
): Promise<{
  readonly identity: Identity
  readonly hosts: readonly HostIdentity[]
  readonly grantedHostIds: readonly string[]
}> {
  await checkWritable(config.data)
  const log = createLog('agent', 'silent')
  const sources: Source[] = []
  const failures: { readonly entry: string; readonly error: unknown }[] = []
  try {
    const opening = {
      errands: errandsHere,
      hostIds: await loadHostIds(config, log),
      refusedLogin: new RefusedLogin(),
      log,
      now: shell.now,
      signal: shell.signal,
    }
    for (const entry of config.hypervisors) {
      try {
        sources.push(...(await openSources(entry, config, opening)))
      } catch (error) {
        // One host over ssh that is away keeps no other from joining.
        if (error instanceof ConfigError || config.hypervisors.length === 1) throw error
        failures.push({ entry: entryLabel(entry), error })
      }
    }
    const [first] = failures
    if (sources.length === 0 && first !== undefined) throw first.error
    for (const { entry, error } of failures) {
      shell.print(`Not there: the hypervisor (${entry}): ${words(error)}. When it is, its host has to be granted.`)
    }
    const hosts = sources.map(({ hypervisor }) => hypervisor.identity)
    const { identity, grantedHostIds } = await enrol(token, {
      dataDir: config.data,
      address: options.address,
      agentName: options.name ?? config.name ?? hostname(),
      version: shell.version,
      hosts,
      log,
      now: shell.now,
      signal: shell.signal,
    })
    return { identity, hosts, grantedHostIds }
  } finally {
    for (const { hypervisor } of sources) await hypervisor.close()
  }
}

/** The identity is saved by now and names its controller: without the file the agent works as well. */
async function writeConfig(file: string, options: JoinOptions, print: (text: string) => void): Promise<void> {
  try {
    await writeFile(file, freshConfig(options), { flag: 'wx', mode: 0o644 })
    print(`Wrote ${file}.`)
  } catch (error) {
    print(`${file} could not be written (${words(error)}).`)
  }
}

async function tokenOf({ token, tokenFile }: JoinOptions, readStdin: () => Promise<string>): Promise<string> {
  if (token === undefined && tokenFile === undefined) {
    throw new JoinFailed(`--token or --token-file: expected a join token, got none; ${wholeCommand}`)
  }
  const text = (token ?? (tokenFile === '-' ? await readStdin() : await readTokenFile(tokenFile ?? ''))).trim()
  if (/^[\w-]+\.[\w-]+(?:\.[\w-]+)+$/.test(text)) return text
  const parts = text === '' ? 'nothing' : `${text.split('.').length} of ${text.length} characters in all`
  throw new JoinFailed(`that is no join token: expected its three parts, joined by dots, got ${parts}; ${wholeCommand}`)
}

async function readTokenFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new JoinFailed(`--token-file: ${file} cannot be read: ${words(error)}`, { cause: error })
  }
}

function described({ agentId, certificatePem }: Identity, nowMs: number): string {
  const ends = Date.parse(new X509Certificate(certificatePem).validTo)
  const day = new Date(ends).toISOString().slice(0, 10)
  return `as ${agentId}; its certificate ${ends < nowMs ? 'ended' : 'is good until'} ${day}`
}

/** @throws JoinFailed if this user may not read it */
async function storedIdentity(dataDir: string): Promise<Identity | undefined> {
  try {
    return await loadIdentity(dataDir)
  } catch (error) {
    throw new JoinFailed(`${dataDir}/identity.json cannot be read: ${words(error)}; ${asRoot}`, { cause: error })
  }
}

/**
 * A token must not be used up for an identity that cannot be kept.
 * @throws JoinFailed
 */
async function checkWritable(dataDir: string): Promise<void> {
  const trial = join(dataDir, 'join-trial')
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    await writeFile(trial, '', { mode: 0o600, flush: true })
    await rm(trial)
  } catch (error) {
    throw new JoinFailed(`${dataDir} cannot be written: ${words(error)}; ${asRoot}`, { cause: error })
  }
}

const asRoot = 'run this as root, with sudo for example, or as the user that the agent runs as'

/** Starts the agent's service, with its new identity if it has `joined` just now; or says how to start the agent. */
async function goOn({
  service,
  options: { configFile, start },
  joined,
  print,
}: {
  readonly service: ServiceUnit | undefined
  readonly options: JoinOptions
  readonly joined: boolean
  readonly print: (text: string) => void
}): Promise<void> {
  const byHand = 'systemctl enable headroom-agent; systemctl restart headroom-agent'
  if (service === undefined) {
    if (joined) print(`Next: start the agent, anew if it runs: headroom-agent --config ${configFile}`)
  } else if (start) {
    try {
      await service.start(joined)
      print('The service headroom-agent runs; systemctl status headroom-agent says whether the controller lets it in.')
    } catch (error) {
      print(`The service headroom-agent could not be started: ${words(error)}. Next: ${byHand}`)
    }
  } else if (joined) print(`Next: ${byHand}`)
}

/** The exit code for what joining threw, and the words. */
export function joinFailure(error: unknown): { readonly code: number; readonly text: string } {
  return { code: error instanceof JoinFailed || error instanceof ConfigError ? 2 : 1, text: words(error) }
}
