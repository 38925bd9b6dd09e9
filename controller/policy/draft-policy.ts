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
    /** As the policy in force says, or as the VM's own metadata do. */
    readonly group?: Seen | undefined
    readonly service?: Seen | undefined
  }[]
  readonly arrays: readonly { readonly key: string; readonly name: string; readonly vms: readonly string[] }[]
}

interface Seen {
  readonly name: string
  /** The VM's own metadata say it. */
  readonly isOwn: boolean
}

/** A list that is longer is told of in words. */
const mostListed = 200

/**
 * The text of a policy file for a fleet that has none: what can be seen, and comments on what only people know. It names nothing that is not
 * there. Classes it gives to groups that are called like one; the others, and what hosts are for, somebody has to say.
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
    routes,
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
    ...first(single).map((name) => `  - { match: ${scalar(name)} }`),
  ]
  return `${note}hosts:\n${rows.join('\n')}\n`
}

/** Groups that are known; the other VMs by what their names have in common. */
function groupsPart({ vms }: SeenFleet): string {
  const known = knownBy(vms, ({ group }) => group)
  const rest = vms.filter(({ group }) => group === undefined || !known.has(group.name)).map(({ name }) => name)
  const { families, single } = stems(rest.filter(isPattern), new Set(vms.map(({ name }) => name)))
  const taken = new Set(known.keys())
  const rows = [
    ...Array.from(known, ([name, { own, listed: names }]) => group(name, names, own)),
    ...families.map(({ stem, pattern, names }) => group(unique(stem, taken), [pattern], names)),
  ]
  const note = `# class: core (others depend on them) or personal (nobody can foresee what they do); without one no rule about classes applies.
# owner: a name, in which {vm} stands for that of the VM. Groups without match are those that VMs name in their own metadata.
`
  const left = single.length === 0 ? '' : `  # In no group: ${comment(named(single))}\n`
  return rows.length === 0 ? `${note}groups: []\n${left}` : `${note}groups:\n${rows.join('')}${left}`
}

/** @param seen names for a comment: who is in it, or says so */
function group(name: string, match: readonly string[], seen: readonly string[]): string {
  const classes: readonly string[] = vmClasses
  const who = match.length === 0 ? `by their own metadata: ${named(seen)}` : named(seen)
  return [
    `  - name: ${scalar(name)}${who === '' ? '' : `   # ${comment(who)}`}`,
    classes.includes(name) ? `    class: ${name}` : '    # class: core',
    ...(match.length === 0 ? [] : [`    match: ${list(match)}`]),
    '',
  ].join('\n')
}

/** Services that are known, and pairs that look like primary and secondary. */
function servicesPart({ vms }: SeenFleet): string {
  const rows = Array.from(
    knownBy(vms, ({ service }) => service),
    ([name, { own, listed: names }]) => {
      const members = names.length === 0 ? '' : `, members: ${list(names)}`
      const who = own.length === 0 ? '' : `   # by their own metadata: ${comment(named(own))}`
      return `  - { name: ${scalar(name)}${members} }${who}`
    },
  )
  const names = new Set(vms.map(({ name }) => name))
  const pairs = [...names].flatMap((name) => {
    const second = [`${name}2`, `${name}-2`, `${name}02`].find((other) => names.has(other))
    return second === undefined || !isPattern(name)
      ? []
      : [`  # - { name: ${scalar(name)}, members: [${scalar(name)}, ${scalar(second)}] }`]
  })
  const note = '# Members of a service, the primary first: they are to be on different hosts and different storage.\n'
  const guessed = pairs.length === 0 || rows.length > 0 ? '' : `  # Perhaps these:\n${first(pairs).join('\n')}\n`
  return rows.length === 0 ? `${note}services: []\n${guessed}` : `${note}services:\n${rows.join('\n')}\n`
}

type SeenVm = SeenFleet['vms'][number]

/** Who is in what is known: those that say it themselves, and those that have to be listed. */
function knownBy(
  vms: readonly SeenVm[],
  of: (vm: SeenVm) => Seen | undefined,
): ReadonlyMap<string, { readonly own: readonly string[]; readonly listed: readonly string[] }> {
  const isKnown = (vm: SeenVm): boolean => {
    const seen = of(vm)
    return seen !== undefined && isName(seen.name) && (seen.isOwn || isPattern(vm.name))
  }
  const groups = groupBy(vms.filter(isKnown), (vm) => of(vm)?.name ?? '')
  return new Map(
    Array.from(groups, ([name, members]) => {
      const names = (isOwn: boolean): string[] => members.filter((vm) => of(vm)?.isOwn === isOwn).map((vm) => vm.name)
      return [name, { own: names(true), listed: [...new Set(names(false))] }]
    }),
  )
}

const apart = `# VMs that are to run on different hosts, such as two that are heavy:
#  - [mail, backup]
apart: []
`

/** Names for storage that hosts share. */
function arraysPart({ arrays }: SeenFleet): string {
  const shared = arrays.filter(({ key }) => !key.startsWith('local:') && isPattern(key))
  const note = `# Names for storage that hosts share. join: true makes one box of all that a rule matches.
# cache and drain: the box's write cache and how fast it empties, such as 512MiB and 25MB/s; bulkCopy: what one copy writes.
`
  if (shared.length === 0) return `${note}arrays: []\n`
  const taken = new Set<string>()
  const rows = first(shared).map(({ key, name, vms }) => {
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

const routes = `# Who is told of alerts: nobody, until it is said here. docs/alerts.md has a whole example; headroom alert test NAME sends a test.
#  - name: admins
#    match: { severity: [warning, critical] }
#    to:
#      - email: { to: [admin@example.org] }    # by the mail server of controller.yaml
routes: []
`

function first<Item>(items: readonly Item[]): readonly Item[] {
  return items.slice(0, mostListed)
}

function list(names: readonly string[]): string {
  return names.length === 1 ? scalar(names[0] ?? '') : `[${names.map(scalar).join(', ')}]`
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
