import { finding, vmSubject, type Finding } from '../../model/finding.js'
import { isRunning, type Nic, type Snapshot, type Vm } from '../../model/snapshot.js'
import { byName } from '../in-words.js'

interface Bearer {
  readonly vm: Vm
  readonly name: string
  readonly nic: Nic
}

/** Running VMs with the MAC address of another: where both are on one network, each loses some of its frames. One finding for each beyond the first. */
export function duplicateMac(snapshot: Snapshot): Finding[] {
  if (!hasDuplicates(snapshot)) return []
  const firsts = new Map<string, Bearer>()
  const doubles = new Map<string, Bearer[]>()
  for (const vm of snapshot.vms.values()) {
    if (!isRunning(vm.state)) continue
    for (const nic of vm.nics) {
      const mac = nic.mac.toLowerCase()
      if (mac === '') continue
      const bearer = { vm, name: vm.name, nic }
      const first = firsts.get(mac)
      const bearers = doubles.get(mac)
      if (first === undefined) firsts.set(mac, bearer)
      else if (bearers !== undefined && bearers.at(-1)?.vm !== vm) bearers.push(bearer)
      else if (bearers === undefined && first.vm !== vm) doubles.set(mac, [first, bearer])
    }
  }
  return [...doubles].flatMap(([mac, bearers]) => {
    const [first, ...others] = bearers.toSorted((a, b) => byName(a, b) || (a.vm.uuid < b.vm.uuid ? -1 : 1))
    return first === undefined ? [] : others.map((one) => duplicate(mac, one, first))
  })
}

/** Nearly no fleet has any, and to look for that is less work than to note who has which. */
function hasDuplicates({ vms }: Snapshot): boolean {
  const seen = new Set<string>()
  let nics = 0
  for (const vm of vms.values()) {
    if (!isRunning(vm.state)) continue
    for (const { mac } of vm.nics) {
      if (mac === '') continue
      seen.add(mac.toLowerCase())
      nics += 1
    }
  }
  return seen.size < nics
}

function duplicate(mac: string, { vm, nic }: Bearer, first: Bearer): Finding {
  const networks = [...new Set([nic.network, first.nic.network])].filter((name) => name !== '')
  const where = networks.length === 0 ? '' : `, on ${networks.join(' and ')}`
  return finding({
    check: 'duplicate-mac',
    severity: 'warning',
    subject: vmSubject(vm),
    part: mac,
    message: `it has the MAC address ${mac} of ${first.name}${where}; on one network neither is reached for sure`,
    related: [{ role: 'partner', subject: vmSubject(first.vm) }],
  })
}
