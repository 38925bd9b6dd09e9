import { groupBy } from '../../common/group-by.js'
import { named } from '../checks/in-words.js'
import { vmClasses } from '../model/policy.js'
import { isName, isPattern } from './policy-text-schema.js'
import { stems } from './stems.js'

/** What is seen of a fleet, from outside. */
export interface SeenFleet {
  readonly hosts: readonly { readonly name: string; readonly kind: string; readonly vms: number }[]
  readonly vms: readonly {
    readonly name: string
    readonly group?: string | undefined
    readonly service?: string | undefined
  }[]
  readonly arrays: readonly { readonly key: string; readonly name: string; readonly vms: readonly string[] }[]
}

/** A list that is longer is told of in words. */
const mostListed = 200

/**
 * The text of a policy file for a fleet that has none: what can be seen, and comments on what only people know. It names nothing that is not
 * there, and finds nothing that the defaults do not, until somebody says of groups what class they have, and of hosts what they are for.
 * @param day the day it is made, for its head
 */
export function draftPolicy(fleet: SeenFleet, day: string): string {
  return [
    head(fleet, day),
    limits,
    hostsPart(fleet),
    groupsPart(fleet),
    servicesPart(fleet),
    apart,
    arraysPart(fleet),
    exceptions,
  ].join('\n')
}

function head({ hosts, vms }: SeenFleet, day: string): string {
  return `# The rules of this fleet. Drafted on ${day} by \`headroom policy init\` from ${count(hosts.length, 'host')} and ${count(vms.length, 'VM')};
# docs/policy.md explains every key. \`headroom policy check FILE\` says what it would do.
`
}

const limits = `limits:
  vmMemory: 1GiB        # memory of one new VM: what "room" counts in
  hostReserve: 2GiB     # kept on each host for the hypervisor itself
  # What a VM of each class may grow to:
  # classMemory: { core: 4GiB, personal: 2GiB }
`

function hostsPart({ hosts }: SeenFleet): string {
  const known = hosts.filter(({ name }) => isPattern(name))
  const note = `# Roles: core, personal, secondary, or reserve for a host that is kept empty for what must move in a hurry. First match wins.\n`
  if (known.length === 0) return `${note}hosts: []\n`
  if (known.length <= mostListed) {
    const rows = known.map(({ name, kind, vms }) => `  - { match: ${scalar(name)} }   # ${kind}, ${count(vms, 'VM')}`)
    return `${note}hosts:\n${rows.join('\n')}\n`
  }
  const { families, single } = stems(known.map(({ name }) => name))
  const rows = [
    ...families.map(({ pattern, names }) => `  - { match: ${scalar(pattern)} }   # ${count(names.length, 'host')}`),
    ...listed(single).map((name) => `  - { match: ${scalar(name)} }`),
  ]
  return `${note}hosts:\n${rows.join('\n')}\n`
}

/** Groups that VMs name themselves; the others by what their names have in common. */
function groupsPart({ vms }: SeenFleet): string {
  const own = groupBy(
    vms.filter(({ group }) => group !== undefined && isName(group)),
    ({ group }) => group ?? '',
  )
  const rest = vms.filter(({ group }) => group === undefined || !isName(group)).map(({ name }) => name)
  const { families, single } = stems(rest.filter(isPattern), new Set(vms.map(({ name }) => name)))
  const taken = new Set(own.keys())
  const rows = [
    ...Array.from(own, ([name, members]) =>
      group(name, undefined, `by their own metadata: ${named(members.map((vm) => vm.name))}`),
    ),
    ...families.map(({ stem, pattern, names }) => group(unique(stem, taken), pattern, named(names))),
  ]
  const note = `# class: core (others depend on them) or personal (nobody can foresee what they do); without one no rule about classes applies.
# owner: a name, in which {vm} stands for that of the VM. Groups without match are those that VMs name in their own metadata.
`
  const left = single.length === 0 ? '' : `  # In no group: ${comment(named(listed(single)))}\n`
  return rows.length === 0 ? `${note}groups: []\n${left}` : `${note}groups:\n${rows.join('')}${left}`
}

function group(name: string, pattern: string | undefined, who: string): string {
  const known: readonly string[] = vmClasses
  return [
    `  - name: ${scalar(name)}   # ${comment(who)}`,
    known.includes(name) ? `    class: ${name}` : `    # class: core`,
    ...(pattern === undefined ? [] : [`    match: ${scalar(pattern)}`]),
    '',
  ].join('\n')
}

/** Services that VMs name themselves, and pairs that look like primary and secondary. */
function servicesPart({ vms }: SeenFleet): string {
  const own = groupBy(
    vms.filter(({ service }) => service !== undefined && isName(service)),
    ({ service }) => service ?? '',
  )
  const rows = Array.from(own, ([name, members]) => {
    return `  - { name: ${scalar(name)} }   # by their own metadata: ${comment(named(members.map((vm) => vm.name)))}`
  })
  const names = new Set(vms.map(({ name }) => name))
  const pairs = [...names].flatMap((name) => {
    const second = [`${name}2`, `${name}-2`, `${name}02`].find((other) => names.has(other))
    return second === undefined || !isPattern(name)
      ? []
      : [`  # - { name: ${scalar(name)}, members: [${scalar(name)}, ${scalar(second)}] }`]
  })
  const note = '# Members of a service, the primary first: they are to be on different hosts and different storage.\n'
  const guessed = pairs.length === 0 ? '' : `  # Perhaps these:\n${listed(pairs).join('\n')}\n`
  return rows.length === 0 ? `${note}services: []\n${guessed}` : `${note}services:\n${rows.join('\n')}\n${guessed}`
}

const apart = `# VMs that are to run on different hosts, such as two that are heavy:
#  - [mail, backup]
apart: []
`

/** Names for storage that hosts share. */
function arraysPart({ arrays }: SeenFleet): string {
  const shared = arrays.filter(({ key }) => !key.startsWith('local:') && isPattern(key))
  const note = `# Names for storage that hosts share. join: true makes one box of all that a rule matches.
# cache and drain: the box's write cache and how fast it empties, such as 512MiB and 25MB/s.
`
  if (shared.length === 0) return `${note}arrays: []\n`
  const taken = new Set<string>()
  const rows = listed(shared).map(({ key, name, vms }) => {
    const called = unique(isName(name) ? name : key.slice(0, 100), taken)
    return `  - { name: ${scalar(called)}, match: ${scalar(key)} }   # ${count(vms.length, 'VM')}`
  })
  return `${note}arrays:\n${rows.join('\n')}\n`
}

const exceptions = `# What a rule finds and is on purpose. rule: the name of a check, as findings show it.
#  - { vm: mail, rule: core-on-shared-storage, reason: too heavy for the array }
#  - { host: old1, rule: host-failure, reason: nothing else runs its VMs }
exceptions: []
`

function listed<Item>(items: readonly Item[]): readonly Item[] {
  return items.slice(0, mostListed)
}

function unique(name: string, taken: Set<string>): string {
  let free = name
  for (let number = 2; taken.has(free); number += 1) free = `${name.slice(0, 95)}-${number}`
  taken.add(free)
  return free
}

/** As YAML reads it back: bare where it cannot be anything but a text. */
function scalar(text: string): string {
  return /^[A-Za-z][\w.-]*$/.test(text) && !/^(?:true|false|null)$/i.test(text) ? text : JSON.stringify(text)
}

/** A name from a hypervisor must not end the comment that it is in. */
function comment(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
