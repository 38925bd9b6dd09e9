/** What checks say, as plain data. Imports nothing. */

export type Severity = 'info' | 'warning' | 'critical'

/** The higher, the worse. */
export const severityRank = { info: 0, warning: 1, critical: 2 } as const satisfies Record<Severity, number>

export type SubjectKind = 'fleet' | 'host' | 'vm' | 'array' | 'agent'

/** What a finding is about. Names are for people and may change; kind and id stay. */
export interface Subject {
  readonly kind: SubjectKind
  /** Host id, VM's UUID, array's key or that of a box that policy joins (`joined:…`), agent's id; empty for the fleet. */
  readonly id: string
  readonly name: string
}

/** A series that shows a finding, and the figures that it was found by. */
export interface Evidence {
  /** `host`, `vm`, `array`, `disk` …, as the store names it. */
  readonly entityKind: string
  readonly entityId: string
  readonly field: string
  readonly value: number | undefined
  /** What it was compared with. */
  readonly limit: number | undefined
}

/** What a check says now. */
export interface Finding {
  /** Name of the rule: `into-reserve`. */
  readonly check: string
  readonly severity: Severity
  readonly subject: Subject
  /** Tells findings of one check and subject apart: a mount point, a device, a partner's UUID; empty if there is but one. */
  readonly part: string
  readonly message: string
  /**
   * `raise`: it is so. `keep`: it is less than what raises an alert, and more than what ends one (hysteresis): it raises nothing, is shown
   * nowhere, and keeps an alert that fires from ending.
   */
  readonly strength: 'raise' | 'keep'
  /** How bad it is among findings of one key and severity, where that differs: a higher one is told. Absent: 0. */
  readonly grade?: number | undefined
  readonly evidence: readonly Evidence[]
  /** Others that have to do with it: who causes it, who suffers. */
  readonly related: readonly Related[]
}

export interface Related {
  readonly role: 'culprit' | 'victim' | 'partner'
  readonly subject: Subject
}

/** What a check has to say at least; the rest is empty. */
export function finding(said: Pick<Finding, 'check' | 'severity' | 'subject' | 'message'> & Partial<Finding>): Finding {
  return { part: '', strength: 'raise', evidence: [], related: [], ...said }
}

export const fleetSubject: Subject = { kind: 'fleet', id: '', name: '' }

export function hostSubject({ id, name }: { readonly id: string; readonly name: string }): Subject {
  return { kind: 'host', id, name }
}

export function vmSubject({ uuid, name }: { readonly uuid: string; readonly name: string }): Subject {
  return { kind: 'vm', id: uuid, name }
}

export function agentSubject({ id, name }: { readonly id: string; readonly name: string }): Subject {
  return { kind: 'agent', id, name }
}

/** `host:xenhv01`, `fleet`: for people. */
export function subjectText({ kind, name }: Subject): string {
  return kind === 'fleet' ? kind : `${kind}:${name}`
}

/** The same as long as it is the same matter, whatever the figures and names are by now. */
export function findingKey({ check, subject, part }: Pick<Finding, 'check' | 'subject' | 'part'>): string {
  return JSON.stringify([check, subject.kind, subject.id, part])
}
