import { Argument, type Command } from 'commander'

import type { Cli } from '../context.js'
import { present } from '../present.js'
import { renderHostDetail } from '../render/host-detail.js'
import { renderHostList, renderMaintenance } from '../render/host-list.js'

export function addHostCommands(program: Command, cli: Cli): void {
  const host = program.command('host').description('hypervisor machines')
  host
    .command('list')
    .description('all hosts: status, room, memory, CPU')
    .action(async (_options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.hosts(signal),
        json: (hosts) => ({ hosts }),
        render: renderHostList,
      })
    })
  host
    .command('show')
    .argument('<name>', 'name or id')
    .description('everything that is known of one host')
    .action(async (name: string, _options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.host(name, signal),
        json: (data) => data,
        render: renderHostDetail,
      })
    })
  host
    .command('maintenance')
    .argument('<name>', 'name or id')
    .addArgument(
      new Argument('<state>', 'on: nothing is started there, and nothing moved to it; what runs goes on').choices([
        'on',
        'off',
      ]),
    )
    .option('--reason <text>', 'shown with it', '')
    .description('take a host into maintenance, or out of it')
    .action(async (name: string, word: string, { reason }: { reason: string }, command: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(command)
      const { signal } = new AbortController()
      const host = await client.setMaintenance(name, { on: word === 'on', reason }, signal)
      if (json) printJson(host)
      else print(renderMaintenance(host, look()))
    })
}
