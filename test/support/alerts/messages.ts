import type { AlertSummary, Change, Message } from '../../../controller/model/alert.js'

/** An alert about the VM `panda`, as those who are told of it get it. */
export function summary(more: Partial<AlertSummary> = {}): AlertSummary {
  return {
    number: 12,
    check: 'array-hammered',
    subject: { kind: 'vm', id: 'a1b2', name: 'panda' },
    part: '',
    severity: 'critical',
    message: 'writes 60 MB/s to iscsi1; its neighbours wait 20 ms',
    facts: { host: 'xenhv03', group: 'personal', owners: ['panda'] },
    firedAtMs: Date.UTC(2026, 0, 5, 10, 0, 0),
    flapping: false,
    evidence: [],
    related: [],
    ...more,
  }
}

export function change(what: Change['what'], alert: AlertSummary = summary(), more: Partial<Change> = {}): Change {
  return { what, atMs: alert.firedAtMs + 754_000, alert, ...more }
}

export function messageOf(changes: readonly Change[], more: Partial<Message> = {}): Message {
  return {
    id: 'inst-7',
    lane: 'lane',
    target: 'target',
    route: 'admins',
    group: {},
    recipients: ['ops@example.org'],
    thread: 'inst-7',
    atMs: changes[0]?.atMs ?? Date.UTC(2026, 0, 5),
    changes,
    leftOut: 0,
    firing: changes.filter(({ what }) => what !== 'resolved').length,
    ...more,
  }
}
