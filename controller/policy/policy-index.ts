import type { ArrayRule, GroupRule, HostRule, Policy, ServiceRule } from '../model/policy.js'
import { firstMatch } from './match.js'

/** Which rule of a policy applies to what. Made once for each policy. */
export interface PolicyIndex {
  /** By the name of a VM; only rules that match by name. */
  readonly groupOfVm: (vmName: string) => At<GroupRule> | undefined
  /** By the name of the group. */
  readonly groupNamed: (name: string) => At<GroupRule> | undefined
  readonly hostRule: (hostName: string) => At<HostRule> | undefined
  readonly arrayRule: (arrayKey: string) => At<ArrayRule> | undefined
  /** The first service that has the VM as a member by its name. */
  readonly serviceOfVm: (vmName: string) => At<ServiceRule> | undefined
  readonly serviceNamed: (name: string) => At<ServiceRule> | undefined
}

/** A rule and where it stands in the policy: `groups.0`. */
export interface At<Rule> {
  readonly rule: Rule
  readonly key: string
}

const made = new WeakMap<Policy, PolicyIndex>()

export function policyIndex(policy: Policy): PolicyIndex {
  const before = made.get(policy)
  if (before !== undefined) return before
  const services = policy.services.map((service) => ({ ...service, match: service.members }))
  const index: PolicyIndex = {
    groupOfVm: ruleBy('groups', policy.groups, firstMatch(policy.groups)),
    groupNamed: ruleBy('groups', policy.groups, placeByName(policy.groups)),
    hostRule: ruleBy('hosts', policy.hosts, firstMatch(policy.hosts)),
    arrayRule: ruleBy('arrays', policy.arrays, firstMatch(policy.arrays)),
    serviceOfVm: ruleBy('services', policy.services, firstMatch(services)),
    serviceNamed: ruleBy('services', policy.services, placeByName(policy.services)),
  }
  made.set(policy, index)
  return index
}

function ruleBy<Rule>(
  list: string,
  rules: readonly Rule[],
  find: (text: string) => number | undefined,
): (text: string) => At<Rule> | undefined {
  const places = rules.map((rule, at) => ({ rule, key: `${list}.${at}` }))
  return (text) => places[find(text) ?? -1]
}

function placeByName(rules: readonly { readonly name: string }[]): (name: string) => number | undefined {
  const places = new Map(rules.map(({ name }, at) => [name, at]))
  return (name) => places.get(name)
}

/** Memory kept for the hypervisor on the host of that name: by its rule, or the fleet's limit. */
export function reserveBytesFor(policy: Policy, hostName: string): number {
  return policyIndex(policy).hostRule(hostName)?.rule.reserveBytes ?? policy.limits.hostReserveBytes
}

/** What the policy calls the array of that key, or undefined if it does not name it. */
export function arrayNameFor(policy: Policy, key: string): string | undefined {
  return policyIndex(policy).arrayRule(key)?.rule.name
}
