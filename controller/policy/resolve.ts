import type { GroupRule, Policy, VmClass } from '../model/policy.js'
import type { Vm } from '../model/snapshot.js'
import { policyIndex, type At, type PolicyIndex } from './policy-index.js'

/** Where something that is said of a VM was said: key of the rule in the policy file (`groups.0`), or the VM's own definition. */
export type Origin = { readonly key: string } | 'metadata'

export interface Said<Value> {
  readonly value: Value
  readonly origin: Origin
}

/** What the policy knows of a VM. What nobody says is undefined. */
export interface VmLabels {
  readonly class: Said<VmClass> | undefined
  readonly group: Said<string> | undefined
  readonly owner: Said<string> | undefined
  readonly service: Said<string> | undefined
}

type Told = Pick<Vm, 'name' | 'group' | 'owner' | 'service'>

/** What labels were made of, and the labels. */
interface Labelled extends Told {
  readonly labels: VmLabels
}

/** Of the last look, by UUID. Words of VMs stay when their figures change. */
interface Look {
  readonly vms: ReadonlyMap<string, Labelled>
  readonly labels: ReadonlyMap<string, VmLabels>
}

const lookBefore = new WeakMap<Policy, Look>()
const firstLook: Look = { vms: new Map(), labels: new Map() }

/** Labels of VMs, by UUID: the same as in the look before where nothing that they are made of changed, of each VM and of all. */
export function labelsOfVms(policy: Policy, vms: Iterable<Told & Pick<Vm, 'uuid'>>): ReadonlyMap<string, VmLabels> {
  const all = [...vms]
  const before = lookBefore.get(policy) ?? firstLook
  const known = (vm: Told & Pick<Vm, 'uuid'>): Labelled | undefined => {
    const one = before.vms.get(vm.uuid)
    return one !== undefined && isAlike(one, vm) ? one : undefined
  }
  if (all.length === before.vms.size && all.every((vm) => known(vm) !== undefined)) return before.labels
  const index = policyIndex(policy)
  const look = { vms: new Map<string, Labelled>(), labels: new Map<string, VmLabels>() }
  for (const vm of all) {
    const { uuid, name, group, owner, service } = vm
    const one = known(vm) ?? { name, group, owner, service, labels: labelsOf(index, vm) }
    look.vms.set(uuid, one)
    look.labels.set(uuid, one.labels)
  }
  lookBefore.set(policy, look)
  return look.labels
}

function isAlike(a: Told, b: Told): boolean {
  return a.name === b.name && a.group === b.group && a.owner === b.owner && a.service === b.service
}

/**
 * What the file says of a VM wins over the VM's own metadata, one label at a time: a group by the first rule that matches the VM's name,
 * else the one that its metadata name; class and owner as that group's rule says, the owner else by metadata; a service by the first that
 * lists the VM, else by metadata.
 */
export function labelsOf(index: PolicyIndex, vm: Told): VmLabels {
  const byName = index.groupOfVm(vm.name)
  const groupRule = byName ?? (vm.group === '' ? undefined : index.groupNamed(vm.group))
  const service = index.serviceOfVm(vm.name)
  return {
    class: classBy(groupRule),
    group: byName === undefined ? ownWord(vm.group) : { value: byName.rule.name, origin: { key: byName.key } },
    owner: ownerBy(groupRule, vm.name) ?? ownWord(vm.owner),
    service: service === undefined ? ownWord(vm.service) : { value: service.rule.name, origin: { key: service.key } },
  }
}

/** All that the labels say, as values to be compared by identity. */
export function labelParts(labels: VmLabels | undefined): readonly (string | undefined)[] {
  if (labels === undefined) return []
  return [labels.class, labels.group, labels.owner, labels.service].flatMap((said) => [
    said?.value,
    said === undefined ? undefined : originText(said.origin),
  ])
}

/** `groups.0` or `metadata`. */
export function originText(origin: Origin): string {
  return origin === 'metadata' ? origin : origin.key
}

function classBy(group: At<GroupRule> | undefined): Said<VmClass> | undefined {
  return group?.rule.class === undefined ? undefined : { value: group.rule.class, origin: { key: group.key } }
}

function ownerBy(group: At<GroupRule> | undefined, vmName: string): Said<string> | undefined {
  if (group?.rule.owner === undefined) return undefined
  return { value: group.rule.owner.replaceAll('{vm}', () => vmName), origin: { key: group.key } }
}

function ownWord(text: string): Said<string> | undefined {
  return text === '' ? undefined : { value: text, origin: 'metadata' }
}
