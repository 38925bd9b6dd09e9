import type { ArrayRule, ExceptionRule, GroupRule, HostRule, Policy, ServiceRule } from '../model/policy.js'
import { matcherOf, type Match, type Matcher } from './match.js'

/** Which rule of a policy applies to what. Made once for each policy; of several rules the first wins. */
export interface PolicyIndex {
  /** By the name of a VM; only rules that match by name. */
  readonly groupOfVm: (vmName: string) => At<GroupRule> | undefined
  readonly groupNamed: (name: string) => At<GroupRule> | undefined
  readonly hostRule: (hostName: string) => At<HostRule> | undefined
  readonly arrayRule: (arrayKey: string) => At<ArrayRule> | undefined
  /** The first service that lists the VM by name, and at which place. */
  readonly serviceOfVm: (vmName: string) => (At<ServiceRule> & { readonly place: number }) | undefined
  readonly serviceNamed: (name: string) => At<ServiceRule> | undefined
  /** Lists of `apart` with the VM in them, and at which place. */
  readonly apartOfVm: (vmName: string) => readonly Match[]
  /** Exceptions for the VM, and for the host. */
  readonly exceptionsOfVm: (vmName: string) => readonly At<ExceptionRule>[]
  readonly exceptionsOfHost: (hostName: string) => readonly At<ExceptionRule>[]
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
  const index = makeIndex(policy)
  made.set(policy, index)
  return index
}

function makeIndex({ groups, hosts, arrays, services, apart, exceptions }: Policy): PolicyIndex {
  const serviceMatcher = matcherOf(services.map(({ members }) => ({ match: members })))
  const serviceAt = placesOf('services', services)
  return {
    groupOfVm: first(placesOf('groups', groups), matcherOf(groups)),
    groupNamed: byName(placesOf('groups', groups)),
    hostRule: first(placesOf('hosts', hosts), matcherOf(hosts)),
    arrayRule: first(placesOf('arrays', arrays), matcherOf(arrays)),
    serviceOfVm: (name) => {
      const [match] = serviceMatcher(name)
      const at = match === undefined ? undefined : serviceAt[match.rule]
      return match === undefined || at === undefined ? undefined : { ...at, place: match.pattern }
    },
    serviceNamed: byName(serviceAt),
    apartOfVm: matcherOf(apart.map((match) => ({ match }))),
    exceptionsOfVm: every(exceptions, ({ vm }) => vm),
    exceptionsOfHost: every(exceptions, ({ host }) => host),
  }
}

function placesOf<Rule>(list: string, rules: readonly Rule[]): readonly At<Rule>[] {
  return rules.map((rule, at) => ({ rule, key: `${list}.${at}` }))
}

function first<Rule>(places: readonly At<Rule>[], matcher: Matcher): (text: string) => At<Rule> | undefined {
  return (text) => places[matcher(text)[0]?.rule ?? -1]
}

function byName<Rule extends { readonly name: string }>(
  places: readonly At<Rule>[],
): (name: string) => At<Rule> | undefined {
  const named = new Map(places.map((at) => [at.rule.name, at]))
  return (name) => named.get(name)
}

function every(
  exceptions: readonly ExceptionRule[],
  patternOf: (exception: ExceptionRule) => string | undefined,
): (name: string) => readonly At<ExceptionRule>[] {
  const places = placesOf('exceptions', exceptions)
  const matcher = matcherOf(exceptions.map((exception) => ({ match: [patternOf(exception) ?? []].flat() })))
  return (name) => matcher(name).flatMap(({ rule }) => places[rule] ?? [])
}

/** Memory kept for the hypervisor on the host of that name: by its rule, or the fleet's limit. */
export function reserveBytesFor(policy: Policy, hostName: string): number {
  return policyIndex(policy).hostRule(hostName)?.rule.reserveBytes ?? policy.limits.hostReserveBytes
}

/** What the policy calls the array of that key, or undefined if it does not name it. */
export function arrayNameFor(policy: Policy, key: string): string | undefined {
  return policyIndex(policy).arrayRule(key)?.rule.name
}
