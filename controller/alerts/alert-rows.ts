import { z } from 'zod'

import type { Alert, AlertSummary, Message, Silence, Transition } from '../model/alert.js'
import type { Group } from './dispatch.js'
import type { Queued, Queues } from './queue.js'
import type { Refusal, Refusals } from './refusals.js'
import type { AlertState } from './step.js'

/** All that the alerts' desk keeps over a restart, but the history. */
export interface Kept {
  readonly state: AlertState
  readonly queues: Queues
  readonly refusals: Refusals
}

/** Tables of the state store that alerts are kept in. */
export const alertTables = [
  'alerts',
  'alertGroups',
  'alertQueue',
  'alertRefusals',
  'alertSilences',
  'alertFirings',
  'alertMeta',
] as const
export type AlertTable = (typeof alertTables)[number]

/** Rows by key. What did not change between two states is the same object in both, so identity tells what to write. */
export type AlertRows = Readonly<Record<AlertTable, ReadonlyMap<string, unknown>>>

const metaKey = 'state'

/** What is kept, as rows of JSON values. */
export function rowsOf({ state, queues, refusals }: Kept): AlertRows {
  const { clockMs, nextNumber, nextMessage } = state
  return {
    alerts: state.alerts,
    alertGroups: new Map([...state.groups].map(([key, group]) => [key, groupRow(group)])),
    alertQueue: queueRows(queues),
    alertRefusals: refusals,
    alertSilences: state.silences,
    alertFirings: state.firings,
    alertMeta: new Map([[metaKey, { clockMs, nextNumber, nextMessage }]]),
  }
}

const groupRows = new WeakMap<Group, object>()

function groupRow(group: Group): object {
  const known = groupRows.get(group)
  if (known !== undefined) return known
  const row = { ...group, told: [...group.told] }
  groupRows.set(group, row)
  return row
}

function queueRows(queues: Queues): ReadonlyMap<string, Queued> {
  const rows = new Map<string, Queued>()
  for (const waiting of queues.values()) {
    for (const queued of waiting) rows.set(JSON.stringify([queued.message.lane, queued.message.id]), queued)
  }
  return rows
}

const severity = z.enum(['info', 'warning', 'critical'])
const subject = z.object({ kind: z.enum(['fleet', 'host', 'vm', 'array', 'agent']), id: z.string(), name: z.string() })
const evidence = z.object({
  entityKind: z.string(),
  entityId: z.string(),
  field: z.string(),
  value: z.number().optional(),
  limit: z.number().optional(),
})
const related = z.object({ role: z.enum(['culprit', 'victim', 'partner']), subject })
const facts = z.object({
  host: z.string().optional(),
  group: z.string().optional(),
  groups: z.array(z.string()).optional(),
  owners: z.array(z.string()),
})
const hold = z.object({ sinceClockMs: z.number(), pausedClockMs: z.number().optional() })

/** `undefined` has no JSON: what was compared with nothing comes back without the property. */
const someEvidence = z
  .array(evidence)
  .transform((all) => all.map(({ value, limit, ...rest }) => ({ ...rest, value, limit })))

const alertRow = z.object({
  key: z.string(),
  number: z.number().optional(),
  phase: z.enum(['pending', 'firing']),
  finding: z.object({
    check: z.string(),
    severity,
    subject,
    part: z.string(),
    message: z.string(),
    strength: z.enum(['raise', 'keep']),
    grade: z.number().optional(),
    evidence: someEvidence,
    related: z.array(related),
  }),
  severity,
  facts,
  sighting: z.enum(['raised', 'kept', 'clear', 'unseen']),
  startedAtMs: z.number(),
  firedAtMs: z.number().optional(),
  raised: hold.optional(),
  cleared: hold.optional(),
  severityHold: z.object({ direction: z.enum(['up', 'down']), sinceClockMs: z.number() }).optional(),
  flapping: z.boolean(),
  acknowledged: z.object({ author: z.string(), atMs: z.number(), note: z.string() }).optional(),
  silencedBy: z.string().optional(),
  wasSilenced: z.boolean().optional(),
  inhibitedBy: z.string().optional(),
}) satisfies z.ZodType<Alert>

const summary = z.object({
  number: z.number(),
  check: z.string(),
  subject,
  part: z.string(),
  severity,
  message: z.string(),
  facts,
  firedAtMs: z.number(),
  flapping: z.boolean(),
  grade: z.number().optional(),
  evidence: someEvidence,
  related: z.array(related),
}) satisfies z.ZodType<AlertSummary>

const message = z.object({
  id: z.string(),
  lane: z.string(),
  target: z.string(),
  route: z.string(),
  group: z.record(z.string(), z.string()),
  recipients: z.array(z.string()),
  thread: z.string(),
  atMs: z.number(),
  changes: z.array(
    z.object({
      what: z.enum(['fired', 'severity', 'worse', 'resolved', 'reminder']),
      atMs: z.number(),
      alert: summary,
      before: severity.optional(),
    }),
  ),
  leftOut: z.number(),
  firing: z.number(),
}) satisfies z.ZodType<Message>

const storedGroup = z.object({
  key: z.string(),
  lane: z.string(),
  target: z.string(),
  route: z.string(),
  labels: z.record(z.string(), z.string()),
  recipients: z.array(z.string()),
  told: z
    .array(z.tuple([z.number(), z.object({ alert: summary, resolvedAtMs: z.number().optional() })]))
    .transform((told) => new Map(told)),
  waitingClockMs: z.number().optional(),
  saidClockMs: z.number().optional(),
  burst: z.number(),
  thread: z.string().optional(),
}) satisfies z.ZodType<Group>

const queuedRow = z.object({ message, isTried: z.boolean(), queuedClockMs: z.number() }) satisfies z.ZodType<Queued>

const refusalRow = z.object({
  target: z.string(),
  reason: z.string(),
  clockMs: z.number(),
}) satisfies z.ZodType<Refusal>

const silenceRow = z.object({
  id: z.string(),
  match: z.object({ check: z.string().optional(), subject: z.string().optional() }),
  createdAtMs: z.number(),
  untilMs: z.number(),
  author: z.string(),
  reason: z.string(),
}) satisfies z.ZodType<Silence>

const metaRow = z.object({
  clockMs: z.number(),
  nextNumber: z.number(),
  nextMessage: z.number(),
})

export const transitionRow = z.object({
  atMs: z.number(),
  number: z.number(),
  what: z.enum(['fired', 'severity', 'acknowledged', 'silenced', 'heard', 'resolved']),
  check: z.string(),
  subject,
  part: z.string(),
  severity,
  message: z.string(),
  detail: z.string(),
  author: z.string(),
}) satisfies z.ZodType<Transition>

/**
 * What rows say. One that cannot be read is left out, and told to `onDamage`; without the row of `alertMeta` all begins anew (undefined).
 */
export function keptOf(
  rows: Readonly<Record<AlertTable, Iterable<readonly [string, unknown]>>>,
  startId: string,
  onDamage: (table: AlertTable, key: string) => void,
): Kept | undefined {
  const read = <Row>(table: AlertTable, schema: z.ZodType<Row>): Map<string, Row> => {
    const found = new Map<string, Row>()
    for (const [key, value] of rows[table]) {
      const row = schema.safeParse(value)
      if (row.success) found.set(key, row.data)
      else onDamage(table, key)
    }
    return found
  }
  const meta = read('alertMeta', metaRow).get(metaKey)
  if (meta === undefined) return undefined
  return {
    state: {
      ...meta,
      startId,
      alerts: read('alerts', alertRow),
      groups: read('alertGroups', storedGroup),
      silences: read('alertSilences', silenceRow),
      // The key that fired last stands last.
      firings: new Map([...read('alertFirings', z.array(z.number()))].sort((a, b) => lastOf(a[1]) - lastOf(b[1]))),
    },
    queues: queuesOf(read('alertQueue', queuedRow).values()),
    // The oldest stands first.
    refusals: new Map([...read('alertRefusals', refusalRow)].sort((a, b) => a[1].clockMs - b[1].clockMs)),
  }
}

/** Messages come in the order in which they were made: ids end with a number. */
function queuesOf(rows: Iterable<Queued>): Queues {
  const queues = new Map<string, Queued[]>()
  for (const queued of [...rows].sort((a, b) => numberOf(a) - numberOf(b))) {
    const { lane } = queued.message
    const waiting = queues.get(lane)
    if (waiting === undefined) queues.set(lane, [queued])
    else waiting.push(queued)
  }
  return queues
}

function numberOf({ message: { id } }: Queued): number {
  return Number(id.slice(id.lastIndexOf('-') + 1))
}

function lastOf(times: readonly number[]): number {
  return times.at(-1) ?? 0
}
