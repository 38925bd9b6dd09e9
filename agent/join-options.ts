import { parseArgs } from 'node:util'

import { stringify } from 'yaml'

import { loadConfig, parseConfig } from '../common/config.js'
import { agentConfigSchema, type AgentConfig } from './config.js'
import { defaultController } from './controller-address.js'

export const joinUsage = `Usage: headroom-agent join --controller HOST:PORT (--token TOKEN | --token-file FILE) [options]

Makes this machine's agent known to a controller, and starts its service if deploy/install.sh installed it. On the
controller 'headroom agent join-token' prints the whole command.

  --controller HOST:PORT  where the controller takes agents
  --token-file FILE       read the join token from a file; - reads standard input
  --token TOKEN           the join token itself. Others on this machine see it in the list of processes while this
                          runs; it is void afterwards. Where that matters: printf %s TOKEN | ... --token-file -
  --config FILE           the agent's configuration (agent.yaml); written for libvirt if there is none
  --data DIR              where the agent keeps its key, if there is no configuration yet
  --name NAME             the name that people see (the host name)
  --replace               forget that it has joined, and join anew
  --no-start              leave the service as it is
`

/** Joining cannot be done as asked; the message says what to change. Nothing was changed. */
export class JoinFailed extends Error {
  override readonly name = 'JoinFailed'
}

/** Where a person finds what is missing. */
export const wholeCommand = "'headroom agent join-token' on the controller prints the whole command"

/** What `headroom-agent join` was asked to do. */
export interface JoinOptions {
  readonly address: string
  readonly configFile: string
  readonly token: string | undefined
  readonly tokenFile: string | undefined
  readonly data: string | undefined
  readonly name: string | undefined
  readonly replace: boolean
  readonly start: boolean
}

/** @throws JoinFailed */
export function joinOptions(args: readonly string[]): JoinOptions {
  const values = parsedArgs(args)
  const address = values.controller
  if (address === undefined || !/^[^\s/]+:\d{1,5}$/.test(address)) {
    throw new JoinFailed(
      `--controller: expected host:port, such as controller.example:8421, got ${address ?? 'nothing'}; ${wholeCommand}`,
    )
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
    start: values['no-start'] !== true,
  }
}

function parsedArgs(args: readonly string[]): ReturnType<typeof parse>['values'] {
  try {
    return parse(args).values
  } catch (error) {
    throw new JoinFailed(`${words(error)}; headroom-agent join --help says more`, { cause: error })
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
      'no-start': { type: 'boolean' },
    },
  })
}

/**
 * The configuration that is there, if it agrees with the command; else the one that will be written.
 * @throws JoinFailed, ConfigError
 */
export function configOf(options: JoinOptions, existing: boolean): AgentConfig {
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

/** The configuration of a machine that has none yet, as YAML. */
export function freshConfig({ address, data, name }: JoinOptions): string {
  return stringify({
    ...(data !== undefined && { data }),
    ...(name !== undefined && { name }),
    controllers: [{ address }],
    hypervisors: [{ kind: 'libvirt' }],
  })
}

/** What an error says. */
export function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
