import type { Command } from 'commander'

import type { NewJoinTokenView } from '../../api/views.js'
import { durationArgument } from '../argument.js'
import { isLoopback } from '../connection.js'
import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderJoinTokenList } from '../render/join-token-list.js'
import { line, paragraph, span } from '../render/look.js'

interface Options {
  readonly host?: readonly string[]
  readonly valid: string
  readonly note?: string
}

export function addJoinTokenCommands(agent: Command, cli: Cli): void {
  const joinToken = agent
    .command('join-token')
    .description('the command that joins one agent, once: run what it prints on the host')
    .option('--host <name...>', 'only for these hosts, by name or id; without it, for any that no agent has')
    .option('--valid <time>', 'how long it can be used, from 1m to 30d', durationArgument, '1h')
    .option('--note <text>', 'what it is for')
    .action(async ({ host = [], valid, note = '' }: Options, command: Command) => {
      const { client, json, look, print, printJson, shell } = cli.contextOf(command)
      const made = await client.createJoinToken({ hosts: host, valid, note }, new AbortController().signal)
      const address = made.advertise ?? `${client.controllerHost}:${made.grpcPort}`
      if (json) {
        printJson({ ...made, address })
        return
      }
      // Alone on standard output, and never cut: it can be handed on as it is.
      print([line([span(joinCommand(address, made))], { ...look(), width: undefined })])
      for (const text of warnings(address, made)) shell.stderr.write(`${paragraph(text, look()).join('\n')}\n`)
    })
  joinToken
    .command('list')
    .description('tokens that were not used yet')
    .action(async (_options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.joinTokens(signal),
        json: (joinTokens) => ({ joinTokens }),
        render: renderJoinTokenList,
      })
    })
  joinToken
    .command('revoke')
    .argument('<id>', 'the part of the token before its first dot')
    .description('make a token void')
    .action(async (id: string, _options: object, command: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(command)
      await client.revokeJoinToken(id, new AbortController().signal)
      if (json) printJson({ id })
      else print([line([span(`the join token ${id} is void`)], look())])
    })
}

function joinCommand(address: string, { token }: NewJoinTokenView): string {
  return `headroom-agent join --controller ${address} --token ${token}`
}

/** What would keep another machine from joining. */
function warnings(address: string, { advertise, grpcLoopback }: NewJoinTokenView): string[] {
  const local = URL.canParse(`http://${address}`) && isLoopback(new URL(`http://${address}`))
  return [
    ...(grpcLoopback
      ? ['note: the controller listens for agents of its own machine only; grpc.host in its configuration opens it']
      : []),
    ...(local && advertise === undefined
      ? [
          `note: ${address} is this machine for whoever uses it; grpc.advertise in the configuration names another address`,
        ]
      : []),
  ]
}
