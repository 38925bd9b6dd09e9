import type { Settled } from '../checks/settle.js'
import type { Capacity } from '../checks/capacity.js'
import type { Alert, Silence } from '../model/alert.js'
import type { Severity, Subject } from '../model/finding.js'
import type { Policy } from '../model/policy.js'
import type { FleetEvent, Host, Snapshot, Vm } from '../model/snapshot.js'

/** What a reason is about, the weightier first among reasons of one severity that are equally near. */
export const topics = [
  'alert',
  'finding',
  'state',
  'traffic',
  'load',
  'event',
  'room',
  'hidden',
  'unknown',
  'label',
] as const
export type Topic = (typeof topics)[number]

/** One thing that bears on a VM. */
export interface Reason {
  readonly topic: Topic
  readonly severity: Severity
  /** Whom it is about: the VM, or something around it. */
  readonly subject: Subject
  readonly says: string
  /** When it began or happened, milliseconds since the epoch. */
  readonly since?: number | undefined
  /** Name of the check that says so. */
  readonly check?: string | undefined
  /** Number of the alert. */
  readonly alert?: number | undefined
  /** Another alert explains it, and comes before it. */
  readonly isExplained?: boolean
}

/** All that reasons are found in. */
export interface Known {
  readonly snapshot: Snapshot
  readonly policy: Policy
  readonly findings: Pick<Settled, 'stands' | 'excepted'>
  readonly capacity: Pick<Capacity, 'hosts'>
  /** All that pend or fire, by key. */
  readonly alerts: ReadonlyMap<string, Alert>
  /** In force. */
  readonly silences: readonly Silence[]
  /** Of the VM and of its host, of late; undefined if they cannot be read. */
  readonly events: readonly FleetEvent[] | undefined
}

/** The VM that is asked about and what is around it. */
export interface Around {
  readonly vm: Vm
  /** Undefined if it is not known (any more). */
  readonly host: Host | undefined
  /** Keys of the arrays that its disks are on, and of those that the policy joins with them. */
  readonly arrayKeys: ReadonlySet<string>
  /** UUIDs of the other VMs on its host or its arrays. */
  readonly neighbours: ReadonlySet<string>
  /** 0: the VM itself; 1: what carries it; 2: a neighbour; 3: the fleet; undefined: it has nothing to do with it. */
  readonly distanceOf: (subject: Pick<Subject, 'kind' | 'id'>) => number | undefined
}

const severities = ['critical', 'warning', 'info'] as const satisfies readonly Severity[]

/** The weightiest first: by severity, then the nearest, what nothing explains, then by topic, then the latest. */
export function inOrderOfWeight(reasons: readonly Reason[], { distanceOf }: Pick<Around, 'distanceOf'>): Reason[] {
  const weight = ({ severity, subject, topic, since, isExplained = false }: Reason): readonly number[] => [
    severities.indexOf(severity),
    distanceOf(subject) ?? 4,
    Number(isExplained),
    topics.indexOf(topic),
    -(since ?? 0),
  ]
  return reasons
    .map((reason) => ({ reason, weight: weight(reason) }))
    .toSorted((a, b) => compare(a.weight, b.weight))
    .map(({ reason }) => reason)
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [at, value] of a.entries()) {
    const difference = value - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
