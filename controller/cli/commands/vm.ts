import type { Command } from 'commander'

import type { Cli } from '../context.js'
import { present } from '../present.js'
import { addVmVerbs } from './vm-verbs.js'
import { renderVmDetail } from '../render/vm-detail.js'
import { renderVmList } from '../render/vm-list.js'

export function addVmCommands(program: Command, cli: Cli): void {
  const vm = program.command('vm').description('virtual machines')
  vm.command('list')
    .description('all VMs: state, memory, CPU, storage I/O')
    .action(async (_options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.vms(signal),
        json: (vms) => ({ vms }),
        render: renderVmList,
      })
    })
  vm.command('show')
    .argument('<name>', 'name or UUID')
    .description('everything that is known of one VM, its disks and its NICs')
    .action(async (name: string, _options: object, command: Command) => {
      const context = cli.contextOf(command)
      await present(context, {
        fetch: (signal) => context.client.vm(name, signal),
        json: (data) => data,
        render: renderVmDetail,
      })
    })
  addVmVerbs(vm, cli)
}
