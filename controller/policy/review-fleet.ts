import { groupBy } from '../../common/group-by.js'
import { named } from '../checks/in-words.js'
import type { Judgement } from '../checks/fleet-findings.js'
import { fleetSubject, hostSubject, subjectText, vmSubject, type Subject } from '../model/finding.js'
import type { Policy } from '../model/policy.js'
import type { Snapshot, Vm } from '../model/snapshot.js'
import { patternTest } from '../../common/pattern.js'
import type { Note } from './note.js'
import { policyIndex } from './policy-index.js'
import type { VmLabels } from './resolve.js'

type Labels = ReadonlyMap<string, VmLabels>

/** What a policy says of what is not there, and rules that change nothing in this fleet. */
export function reviewFleet(
  policy: Policy,
  snapshot: Snapshot,
  { labels, findings: { excepted } }: Pick<Judgement, 'labels' | 'findings'>,
): Note[] {
  const vms = [...snapshot.vms.values()]
  const vmNames = vms.map(({ name }) => name)
  const hostNames = Array.from(snapshot.hosts.values(), ({ name }) => name)
  const isThere = {
    vm: presence('no VM is called', vmNames),
    host: presence('no host is called', hostNames),
    array: presence('no array is called', snapshot.arrays.keys()),
  }
  const index = policyIndex(policy)
  const used = new Set(excepted.map(({ key }) => key))
  return [
    ...policy.groups.flatMap(({ match }, at) => isThere.vm(`groups.${at}`, match)),
    ...policy.hosts.flatMap(({ match }, at) => isThere.host(`hosts.${at}`, match)),
    ...policy.arrays.flatMap(({ match }, at) => isThere.array(`arrays.${at}`, match)),
    ...policy.services.flatMap(({ members }, at) => isThere.vm(`services.${at}`, members)),
    ...policy.apart.flatMap((match, at) => isThere.vm(`apart.${at}`, match)),
    ...policy.exceptions.flatMap(({ vm, host }, at) =>
      vm === undefined ? isThere.host(`exceptions.${at}`, [host ?? '']) : isThere.vm(`exceptions.${at}`, [vm]),
    ),
    ...withoutEffect('groups', policy.groups.length, [
      ...vmNames.map((name) => index.groupOfVm(name)?.key),
      ...vms.map(({ group }) => index.groupNamed(group)?.key),
    ]),
    ...withoutEffect(
      'hosts',
      policy.hosts.length,
      hostNames.map((name) => index.hostRule(name)?.key),
    ),
    ...withoutEffect(
      'arrays',
      policy.arrays.length,
      Array.from(snapshot.arrays.keys(), (key) => index.arrayRule(key)?.key),
    ),
    ...smallServices(policy, snapshot, labels),
    ...policy.exceptions.flatMap(({ rule }, at): Note[] =>
      used.has(`exceptions.${at}`)
        ? []
        : [{ kind: 'unused', key: `exceptions.${at}`, message: `it excepts nothing: ${rule} finds nothing there now` }],
    ),
    ...silencedAndRouted(policy, snapshot, labels),
    ...overruled(snapshot, labels),
  ]
}

/** Tells which patterns match none of these names. */
function presence(absence: string, names: Iterable<string>): (key: string, patterns: readonly string[]) => Note[] {
  const known = new Set(names)
  return (key, patterns) =>
    patterns.flatMap((pattern): Note[] => {
      const test = patternTest(pattern)
      const isThere = pattern.includes('*') ? [...known].some(test) : known.has(pattern)
      return isThere ? [] : [{ kind: 'unmatched', key, message: `${absence} ${JSON.stringify(pattern)}` }]
    })
}

/** Rules that come first for nothing that is there. */
function withoutEffect(list: string, count: number, keysInUse: readonly (string | undefined)[]): Note[] {
  const used = new Set(keysInUse)
  return Array.from({ length: count }, (_, at) => `${list}.${at}`)
    .filter((key) => !used.has(key))
    .map((key) => ({ kind: 'unused', key, message: 'it is the rule of nothing in the fleet' }))
}

/** Subjects of silences, groups and owners of routes. */
function silencedAndRouted(policy: Policy, snapshot: Snapshot, labelsOf: Labels): Note[] {
  const labels = [...labelsOf.values()]
  const subjects: readonly Subject[] = [
    fleetSubject,
    ...Array.from(snapshot.hosts.values(), hostSubject),
    ...Array.from(snapshot.vms.values(), vmSubject),
    ...Array.from(snapshot.arrays.values(), ({ key, name }) => ({ kind: 'array', id: key, name }) as const),
    ...Array.from(snapshot.agents.values(), ({ id, name }) => ({ kind: 'agent', id, name }) as const),
  ]
  const subject = presence('no subject is called', subjects.map(subjectText))
  const group = presence(
    'no VM is of the group',
    labels.flatMap((one) => one.group?.value ?? []),
  )
  const owner = presence(
    'no VM has the owner',
    labels.flatMap((one) => one.owner?.value ?? []),
  )
  const some = (text: string | undefined): string[] => (text === undefined ? [] : [text])
  return [
    ...policy.silences.flatMap(({ match }, at) => subject(`silences.${at}`, some(match.subject))),
    ...policy.routes.flatMap(({ match }, at) => [
      ...group(`routes.${at}`, some(match.group)),
      ...owner(`routes.${at}`, some(match.owner)),
    ]),
  ]
}

/** A service with one member has nothing to be kept apart from. */
function smallServices(policy: Policy, snapshot: Snapshot, labels: Labels): Note[] {
  const counts = groupBy(snapshot.vms.values(), ({ uuid }) => labels.get(uuid)?.service?.value)
  return policy.services.flatMap(({ name }, at): Note[] => {
    const members = counts.get(name) ?? []
    if (members.length > 1) return []
    const who = members.length === 0 ? 'no VM is' : `only ${members[0]?.name ?? ''} is`
    return [{ kind: 'unused', key: `services.${at}`, message: `${who} a member of it` }]
  })
}

/** Where the file and a VM's own metadata disagree, the file wins; one of them is out of date. */
function overruled(snapshot: Snapshot, labels: Labels): Note[] {
  const found = [...snapshot.vms.values()].flatMap((vm) => disagreements(vm, labels.get(vm.uuid)))
  return [...groupBy(found, ({ key, says }) => `${key} ${says}`).values()].map((same): Note => {
    const [{ key, says } = { key: '', says: '' }] = same
    return { kind: 'overruled', key, message: `${says} of ${named(same.map(({ name }) => name))}` }
  })
}

interface Disagreement {
  readonly key: string
  readonly says: string
  readonly name: string
}

function disagreements(vm: Vm, labels: VmLabels | undefined): Disagreement[] {
  return (['group', 'owner', 'service'] as const).flatMap((label): Disagreement[] => {
    const said = labels?.[label]
    const own = vm[label]
    if (said === undefined || said.origin === 'metadata' || own === '' || own === said.value) return []
    // An owner is often the VM's own name: that would be as many notes as VMs.
    const file = label === 'owner' ? `its ${label}` : `the ${label} ${said.value}`
    const metadata = label === 'owner' ? 'another' : own
    return [{ key: said.origin.key, says: `${file} counts, not ${metadata} as in the metadata`, name: vm.name }]
  })
}
