import type { FleetFile } from './fleet-file.js'

type Report = (path: readonly PropertyKey[], expected: string) => void

/** Reports what is well-formed and cannot be: names that repeat or point nowhere, moves that no hypervisor makes. */
export function reportContradictions(file: FleetFile, report: Report): void {
  const hosts = new Map(file.hosts.map((host) => [host.name, host]))
  const seenBy = new Map(file.arrays.map((array) => [array.name, new Set(array.hosts)]))
  const vms = new Map(file.vms.map((vm) => [vm.name, vm]))
  const knownHost = (name: string, path: readonly PropertyKey[]): void => {
    if (!hosts.has(name)) report(path, 'the name of a host in this file')
  }
  const knownVm = (name: string, path: readonly PropertyKey[]): void => {
    if (!vms.has(name)) report(path, 'the name of a VM in this file')
  }

  reportRepeats(file.hosts, 'hosts', report)
  reportRepeats(file.arrays, 'arrays', report)
  reportRepeats(file.vms, 'vms', report)
  reportRepeats(file.services, 'services', report)

  for (const [index, array] of file.arrays.entries()) {
    if (array.name === 'local')
      report(['arrays', index, 'name'], "a name other than 'local', which means the host's disks")
    for (const [at, host] of array.hosts.entries()) knownHost(host, ['arrays', index, 'hosts', at])
  }

  for (const [index, vm] of file.vms.entries()) {
    knownHost(vm.host, ['vms', index, 'host'])
    if (vm.storage === 'local') continue
    const seers = seenBy.get(vm.storage)
    if (seers === undefined) report(['vms', index, 'storage'], "'local' or the name of an array in this file")
    else if (!seers.has(vm.host)) report(['vms', index, 'storage'], `an array that ${vm.host} sees`)
  }

  for (const [index, event] of file.timeline.entries()) {
    const path = ['timeline', index]
    if ('array' in event && !seenBy.has(event.array)) report([...path, 'array'], 'the name of an array in this file')
    if (event.event === 'freeze') continue
    if ('host' in event) {
      knownHost(event.host, [...path, 'host'])
      if ('array' in event && seenBy.get(event.array)?.has(event.host) === false) {
        report([...path, 'array'], `an array that ${event.host} sees`)
      }
      if ((event.event === 'fill' || event.event === 'clean') && hosts.get(event.host)?.hypervisor === 'esxi') {
        report([...path, 'host'], 'a host that shows its file systems: ESXi does not')
      }
      continue
    }
    knownVm(event.vm, [...path, 'vm'])
    if (event.event !== 'migrate') continue
    knownHost(event.to, [...path, 'to'])
    const vm = vms.get(event.vm)
    const from = hosts.get(vm?.host ?? '')
    const to = hosts.get(event.to)
    if (vm === undefined || from === undefined || to === undefined) continue
    if (vm.storage === 'local') report([...path, 'vm'], 'a VM on a shared array: local disks do not migrate')
    else if (from.hypervisor !== to.hypervisor) report([...path, 'to'], `a host with ${from.hypervisor} too`)
    else if (seenBy.get(vm.storage)?.has(event.to) === false) report([...path, 'to'], `a host that sees ${vm.storage}`)
  }

  for (const [index, { members }] of file.services.entries()) {
    for (const [at, member] of members.entries()) knownVm(member, ['services', index, 'members', at])
  }
  for (const [index, members] of file.apart.entries()) {
    for (const [at, member] of members.entries()) knownVm(member, ['apart', index, at])
  }
  for (const [index, { vm, host }] of file.exceptions.entries()) {
    if ((vm === undefined) === (host === undefined)) report(['exceptions', index], 'either vm or host')
    if (vm !== undefined) knownVm(vm, ['exceptions', index, 'vm'])
    if (host !== undefined) knownHost(host, ['exceptions', index, 'host'])
  }
}

function reportRepeats(entries: readonly { readonly name: string }[], key: string, report: Report): void {
  const seen = new Set<string>()
  for (const [index, { name }] of entries.entries()) {
    if (seen.has(name)) report([key, index, 'name'], 'a name that is not taken yet')
    seen.add(name)
  }
}
