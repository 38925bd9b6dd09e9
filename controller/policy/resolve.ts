import type { GroupRule, VmClass } from '../model/policy.js'
import type { Vm } from '../model/snapshot.js'
import type { At, PolicyIndex } from './policy-index.js'

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

/** What labels are made of. */
export type Told = Pick<Vm, 'name' | 'group' | 'owner' | 'service'>

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
