import { chown, readFile, stat, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { X509Certificate } from 'node:crypto'
import { parseArgs } from 'node:util'

import { stringify } from 'yaml'

import { ConfigError, loadConfig, parseConfig } from '../common/config.js'
import { createLog } from '../common/log.js'
import { agentConfigSchema, controllerAddress, defaultController, type AgentConfig } from './config.js'
import { openSources, type Source } from './open-hypervisors.js'
import { enrol } from './report/enrol.js'
import { loadIdentity, type Identity } from './report/identity.js'

export const joinUsage = `Usage: headroom-agent join --controller HOST:PORT (--token TOKEN | --token-file FILE) [options]

Makes this machine's agent known to a controller. 'headroom agent join-token' there prints the whole command.

  --controller HOST:PORT  where the controller takes agents
  --token-file FILE       read the join token from a file; - reads standard input
  --token TOKEN           the join token itself. Others on this machine see it in the list of processes while this
                          runs; it is void afterwards. Where that matters: printf %s TOKEN | ... --token-file -
  --config FILE           the agent's configuration (agent.yaml); written for libvirt if there is none
  --data DIR              where the agent keeps its key, if there is no configuration yet
  --name NAME             the name that people see (the host name)
  --replace               forget that it has joined, and join anew
`

/** What joining meets of the world around it. */
export interface JoinShell {
  readonly readStdin: () => Promise<string>
  readonly print: (text: string) => void
  readonly now: () => number
  readonly version: string
  readonly signal: AbortSignal
}

/** Joining cannot be done as asked; the message says what to change. Nothing was changed. */
export class JoinFailed extends Error {
  override readonly name = 'JoinFailed'
}

/**
 * `headroom-agent join`: enrols this machine's agent and, where there is none, writes its configuration. Saying it twice does
 * no harm.
 * @throws JoinFailed, ConfigError, EnrolmentRefused, or what opening the hypervisor throws
 */
export async function joinController(args: readonly string[], shell: JoinShell): Promise<void> {
  const options = joinOptions(args)
  const { address, configFile } = options
  const existing = existsSync(configFile)
  const config = configOf(options, existing)
  const { print } = shell
  const stored = await loadIdentity(config.data)
  if (stored !== undefined && !options.replace) {
    const joined = controllerAddress(config, stored)
    if (joined !== address) {
      throw new JoinFailed(`this agent has joined ${joined} already; with --replace it joins ${address} instead`)
    }
    if (!existing) await writeConfig(configFile, options, print)
    print(`This agent has joined ${address} already, ${described(stored, shell.now())}. --replace would join it anew.`)
    return
  }
  const token = await tokenOf(options, shell.readStdin)
  const log = createLog('agent', 'silent')
  const sources: Source[] = []
  try {
    for (const entry of config.hypervisors) {
      sources.push(...(await openSources(entry, config, { log, now: shell.now })))
    }
    const hosts = sources.map(({ hypervisor }) => hypervisor.identity)
    const { identity, grantedHostIds } = await enrol(token, {
      dataDir: config.data,
      address,
      agentName: options.name ?? config.name ?? hostname(),
      version: shell.version,
      hosts,
      log,
      now: shell.now,
      signal: shell.signal,
    })
    await giveToOwner(config.data)
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
    print(nextStep(configFile, stored !== undefined))
  } finally {
    for (const { hypervisor } of sources) await hypervisor.close()
  }
}

interface JoinOptions {
  readonly address: string
  readonly configFile: string
  readonly token: string | undefined
  readonly tokenFile: string | undefined
  readonly data: string | undefined
  readonly name: string | undefined
  readonly replace: boolean
}

function joinOptions(args: readonly string[]): JoinOptions {
  const values = parsedArgs(args)
  const address = values.controller
  if (address === undefined || !/^[^\s/]+:\d{1,5}$/.test(address)) {
    throw new JoinFailed(`--controller: expected host:port, got ${address ?? 'nothing'}`)
  }
  if (values.token !== undefined && values['token-file'] !== undefined) {
    throw new JoinFailed('--token and --token-file: give one of them')
  }
  return {
    address,
    configFile: values.config ?? 'agent.yaml',
    token: values.token,
    tokenFile: values['token-file'],
    data: values.data,
    name: values.name,
    replace: values.replace ?? false,
  }
}

function parsedArgs(args: readonly string[]): ReturnType<typeof parse>['values'] {
  try {
    return parse(args).values
  } catch (error) {
    throw new JoinFailed(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      controller: { type: 'string' },
      token: { type: 'string' },
      'token-file': { type: 'string' },
      config: { type: 'string' },
      data: { type: 'string' },
      name: { type: 'string' },
      replace: { type: 'boolean' },
    },
  })
}

/** The configuration that is there, if it agrees with the command; else the one that will be written. */
function configOf(options: JoinOptions, existing: boolean): AgentConfig {
  const { address, configFile, data } = options
  if (!existing) return parseConfig(freshConfig(options), agentConfigSchema, configFile)
  const config = loadConfig(configFile, agentConfigSchema)
  const configured = config.controllers[0]?.address ?? defaultController
  if (configured !== defaultController && configured !== address) {
    throw new JoinFailed(`${configFile} names the controller ${configured}, not ${address}: change it there first`)
  }
  if (data !== undefined && data !== config.data) {
    throw new JoinFailed(`${configFile} names the data directory ${config.data}, not ${data}: change it there first`)
  }
  return config
}

function freshConfig({ address, data, name }: JoinOptions): string {
  return stringify({
    ...(data !== undefined && { data }),
    ...(name !== undefined && { name }),
    controllers: [{ address }],
    hypervisors: [{ kind: 'libvirt' }],
  })
}

/** The identity is saved by now and names its controller: without the file the agent works as well. */
async function writeConfig(file: string, options: JoinOptions, print: (text: string) => void): Promise<void> {
  try {
    await writeFile(file, freshConfig(options), { flag: 'wx', mode: 0o644 })
    print(`Wrote ${file}.`)
  } catch (error) {
    print(`${file} could not be written (${error instanceof Error ? error.message : String(error)}).`)
  }
}

async function tokenOf({ token, tokenFile }: JoinOptions, readStdin: () => Promise<string>): Promise<string> {
  if (token === undefined && tokenFile === undefined) {
    throw new JoinFailed("a join token is needed: 'headroom agent join-token' on the controller prints one")
  }
  const text = (token ?? (tokenFile === '-' ? await readStdin() : await readTokenFile(tokenFile ?? ''))).trim()
  if (/^[\w-]+\.[\w-]+(?:\.[\w-]+)+$/.test(text)) return text
  throw new JoinFailed('that is no join token: expected its three parts, joined by dots')
}

async function readTokenFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new JoinFailed(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

function described({ agentId, certificatePem }: Identity, nowMs: number): string {
  const ends = Date.parse(new X509Certificate(certificatePem).validTo)
  const day = new Date(ends).toISOString().slice(0, 10)
  return `as ${agentId}; its certificate ${ends < nowMs ? 'ended' : 'is good until'} ${day}`
}

/** What root wrote into the directory of the service's user is that user's. */
async function giveToOwner(dataDir: string): Promise<void> {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = await stat(dataDir)
  for (const file of ['identity.json', 'host-id']) {
    const path = join(dataDir, file)
    if (existsSync(path)) await chown(path, uid, gid)
  }
}

function nextStep(configFile: string, again: boolean): string {
  if (existsSync('/etc/systemd/system/headroom-agent.service')) {
    return `Next: systemctl ${again ? 'restart' : 'enable --now'} headroom-agent`
  }
  return again ? 'Next: restart the agent.' : `Next: headroom-agent --config ${configFile}`
}

/** The exit code for what joining threw, and the words. */
export function joinFailure(error: unknown): { readonly code: number; readonly text: string } {
  const text = error instanceof Error ? error.message : String(error)
  return { code: error instanceof JoinFailed || error instanceof ConfigError ? 2 : 1, text }
}
