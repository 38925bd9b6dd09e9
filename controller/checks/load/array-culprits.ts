import type { AboutMember } from '../../arrays/remedies.js'
import type { Culprits, Suspect, SuspectMember } from '../../model/culprits.js'
import { hostSubject, vmSubject, type Related, type Subject } from '../../model/finding.js'
import type { VmClass } from '../../model/policy.js'
import type { Snapshot } from '../../model/snapshot.js'
import type { VmLabels } from '../../policy/resolve.js'
import { inClock, inPercent, named } from '../in-words.js'
import type { BoxLoad } from './box-load.js'

/** Who is to blame for what others wait for at a box, in words and as subjects. */
export interface Blamed {
  /** Those who are surely or likely to blame, the first first. */
  readonly suspects: readonly Suspect[]
  readonly ids: ReadonlySet<string>
  /** `kure (personal, owner kure; since 14:03:20 UTC, surely; 71% of what is written, …)`. */
  readonly text: string
  /** `tritm`, where a sort by bytes would blame somebody else than the first; else undefined. */
  readonly byBytes: string | undefined
  readonly related: readonly Related[]
}

/** Who is only perhaps to blame is shown, and neither named in alerts nor asked to do less. */
export function isBlamed({ confidence }: Suspect): boolean {
  return confidence !== 'low'
}

const mostNamed = 3
const mostRelated = 20

/** Undefined: nobody can be blamed. */
export function blamedAt(
  { suspects: all, mostBytes }: Culprits,
  load: Pick<BoxLoad, 'users'>,
  snapshot: Snapshot,
): Blamed | undefined {
  const suspects = all.filter(isBlamed)
  const [first] = suspects
  if (first === undefined) return undefined
  const aboutOf = aboutUsers(load, snapshot)
  const members = suspects.flatMap((one) => one.members)
  return {
    suspects,
    ids: new Set(members.map(({ id }) => id)),
    text: named(suspects.slice(0, mostNamed).map((one) => suspectWords(one, aboutOf))),
    byBytes:
      mostBytes === undefined || first.members.some(({ id }) => id === mostBytes.id)
        ? undefined
        : memberName(mostBytes),
    related: members
      .slice(0, mostRelated)
      .map((member): Related => ({ role: 'culprit', subject: subjectOf(member, snapshot) })),
  }
}

/** What people should know of somebody who is named. */
export interface About extends AboutMember {
  readonly class: VmClass | undefined
  readonly owner: string | undefined
}

const mostProcesses = 3

export type AboutOf = (member: SuspectMember) => About

/** As `aboutMembers`, of those who use a box. */
export function aboutUsers({ users }: Pick<BoxLoad, 'users'>, snapshot: Snapshot): AboutOf {
  const places = new Map(users.map(({ one: { place } }) => [place.uuid, place]))
  return aboutMembers((uuid) => places.get(uuid)?.labels, snapshot)
}

/** By what the policy says of VMs, and by what hosts tell of their processes. */
export function aboutMembers(
  labelsOf: (uuid: string) => VmLabels | undefined,
  { hosts }: Pick<Snapshot, 'hosts'>,
): AboutOf {
  return ({ kind, id }) => {
    if (kind === 'host') {
      const busiest = (hosts.get(id)?.busyProcesses ?? []).toSorted(
        (a, b) => b.readBytesPerSecond + b.writeBytesPerSecond - a.readBytesPerSecond - a.writeBytesPerSecond,
      )
      const processes = [...new Set(busiest.map(({ name }) => name))].slice(0, mostProcesses)
      return { isCore: true, class: undefined, owner: undefined, processes }
    }
    const labels = labelsOf(id)
    return {
      isCore: labels?.class?.value === 'core',
      class: labels?.class?.value,
      owner: labels?.owner?.value,
      processes: [],
    }
  }
}

function suspectWords(suspect: Suspect, aboutOf: AboutOf): string {
  const { isHerd, inCommon, members, since, confidence } = suspect
  const [first] = members
  const who =
    isHerd || first === undefined
      ? `${members.length} VMs that began together${inCommon.length === 0 ? '' : `, all of ${inCommon.join(', ')}`}`
      : memberName(first)
  const what = isHerd || first === undefined ? named(members.map(({ name }) => name)) : aboutWords(aboutOf(first))
  const shares = [
    `${inPercent(suspect.shareOfInflow)} of what is written`,
    `${inPercent(suspect.shareOfRequests)} of requests`,
    ...(suspect.shareOfWait === undefined ? [] : [`${inPercent(suspect.shareOfWait)} of what others wait longer`]),
  ]
  const details = [what, `since ${inClock(since)}`, confidenceWords[confidence], shares.join(', ')]
  return `${who} (${details.filter((part) => part !== '').join('; ')})`
}

export const confidenceWords = { high: 'surely', medium: 'likely', low: 'perhaps' } as const satisfies Record<
  Suspect['confidence'],
  string
>

function aboutWords({ class: of, owner, processes }: About): string {
  return [
    of,
    owner === undefined ? undefined : `owner ${owner}`,
    processes.length === 0 ? undefined : `busiest there: ${named(processes)}`,
  ]
    .filter((part) => part !== undefined)
    .join(', ')
}

function memberName({ kind, name }: SuspectMember): string {
  return kind === 'host' ? `${name} itself` : name
}

function subjectOf({ kind, id, name }: SuspectMember, { hosts, vms }: Snapshot): Subject {
  if (kind === 'vm') return vmSubject(vms.get(id) ?? { uuid: id, name })
  return hostSubject(hosts.get(id) ?? { id, name })
}
