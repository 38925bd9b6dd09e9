import type { Log } from '../../../common/log.js'
import type { Alert, Transition } from '../../model/alert.js'
import { subjectText } from '../../model/finding.js'
import type { StateRow, StateStore, Tx } from '../../store/state-store.js'
import {
  alertTables,
  keptOf,
  rowsOf,
  transitionRow,
  type AlertRows,
  type AlertTable,
  type Kept,
} from '../alert-rows.js'
import { emptyAlertState } from '../step.js'

/** A transition with its place in the history. */
export interface HistoryEntry extends Transition {
  readonly seq: number
}

export interface HistoryQuery {
  readonly fromMs: number
  readonly toMs: number
  readonly limit: number
  /** Only entries before this one. */
  readonly before?: number | undefined
  /** Only of the alert of that number. */
  readonly alert?: number | undefined
  /** Only about what `subjectText` gives this for. */
  readonly subject?: string | undefined
  readonly matches: (transition: Transition) => boolean
}

interface AlertStoreOptions {
  readonly state: StateStore
  readonly log: Log
  /** Lines of history that are kept. */
  readonly history: () => number
  /** Of this start. */
  readonly startId: string
}

/** So much of the alerts' clock may be lost by a crash: hold times then take that much longer. */
const clockKeptEveryMs = 5000
/** Figures in the text of an alert change all the time: they are written that often. */
const detailsKeptEveryMs = 60_000
const historyPage = 500

/** Alerts, what waits to be sent, and the history of alerts in the state store. One owner; calls must not overlap. */
export class AlertStore {
  #savedDetailsClockMs = 0

  private constructor(
    private readonly options: AlertStoreOptions,
    private saved: Kept | undefined,
    private rows: AlertRows | undefined,
    private history: { readonly first: number; readonly next: number },
  ) {}

  /** Reads what was kept. A row that cannot be read is left out and named in the log. */
  static async open(options: AlertStoreOptions): Promise<{ readonly store: AlertStore; readonly kept: Kept }> {
    const { state, log, startId } = options
    const { tables, newest, oldest, lastNumber } = await state.tx(async (t) => ({
      tables: {
        alerts: entriesOf(await t.list('alerts')),
        alertGroups: entriesOf(await t.list('alertGroups')),
        alertQueue: entriesOf(await t.list('alertQueue')),
        alertRefusals: entriesOf(await t.list('alertRefusals')),
        alertSilences: entriesOf(await t.list('alertSilences')),
        alertFirings: entriesOf(await t.list('alertFirings')),
        alertMeta: entriesOf(await t.list('alertMeta')),
      },
      newest: (await t.last('alertHistory', 1))[0],
      oldest: await firstSeq(t),
      lastNumber: await lastNumberIn(t),
    }))
    const next = newest === undefined ? 1 : seqOf(newest.key) + 1
    const history = { first: oldest ?? next, next }
    const kept = keptOf(tables, startId, (table, key) =>
      log.warn({ table, key }, 'a stored row of alerts cannot be read'),
    )
    if (kept !== undefined) return { store: new AlertStore(options, kept, rowsOf(kept), history), kept }
    // Numbers go on where the history ends: one number, one alert.
    const fresh = { ...emptyAlertState(startId), nextNumber: lastNumber + 1 }
    const empty: Kept = { state: fresh, queues: new Map(), refusals: new Map() }
    await state.tx(async (t) => {
      for (const table of alertTables) for (const [key] of tables[table]) await t.delete(table, key)
    })
    return { store: new AlertStore(options, undefined, undefined, history), kept: empty }
  }

  /**
   * Makes a state durable together with what happened: all of it, or nothing if it throws. A state in which nothing but the clock and figures
   * moved is written only now and then, unless it is the last one. Resolves to the lines of history that gave way.
   */
  async save(kept: Kept, transitions: readonly Transition[], isLast = false): Promise<number> {
    const rows = rowsOf(kept)
    const withDetails = isLast || kept.state.clockMs - this.#savedDetailsClockMs >= detailsKeptEveryMs
    const changes = this.#changes(rows, withDetails)
    const clockMovedMs = kept.state.clockMs - (this.saved?.state.clockMs ?? -Infinity)
    const patienceMs = isLast ? 1 : this.#clockPatienceMs(kept)
    if (changes.length === 0 && transitions.length === 0 && clockMovedMs < patienceMs) return 0
    const next = this.history.next + transitions.length
    const first = Math.max(this.history.first, next - this.options.history())
    await this.options.state.tx(async (t) => {
      for (const { table, key, value } of changes) {
        if (value === undefined) await t.delete(table, key)
        else await t.put(table, key, value)
      }
      for (const [key, value] of rows.alertMeta) await t.put('alertMeta', key, value)
      for (const [index, transition] of transitions.entries()) {
        const key = seqKey(this.history.next + index)
        await t.put('alertHistory', key, transition)
        for (const indexed of indexKeys(transition, key)) await t.put('alertHistoryIndex', indexed, null)
      }
      for (let seq = this.history.first; seq < first; seq += 1) await forget(t, seqKey(seq))
    })
    const dropped = first - this.history.first
    this.saved = kept
    this.rows = withDetails ? rows : this.#withOldDetails(rows)
    this.history = { first, next }
    if (withDetails) this.#savedDetailsClockMs = kept.state.clockMs
    return dropped
  }

  /** The newest entries that match, the newest first, and whether there are more. */
  async find({ fromMs, toMs, limit, before, alert, subject, matches }: HistoryQuery): Promise<{
    readonly entries: readonly HistoryEntry[]
    readonly hasMore: boolean
  }> {
    const prefix =
      alert !== undefined ? numberPrefix(alert) : subject !== undefined ? subjectPrefix(subject) : undefined
    const entries: HistoryEntry[] = []
    let below = before === undefined ? undefined : seqKey(before)
    for (;;) {
      const page = await this.options.state.tx((t) => historyBelow(t, prefix, below))
      for (const { key, value } of page) {
        const { data } = transitionRow.safeParse(value)
        if (data === undefined || data.atMs < fromMs || data.atMs >= toMs || !matches(data)) continue
        if (subject !== undefined && subjectText(data.subject) !== subject) continue
        if (entries.length === limit) return { entries, hasMore: true }
        entries.push({ seq: seqOf(key), ...data })
      }
      below = page.at(-1)?.key
      if (below === undefined || page.length < historyPage) return { entries, hasMore: false }
    }
  }

  /** Where nothing that depends on the clock goes on, it may be written rarely. */
  #clockPatienceMs({ state }: Kept): number {
    return state.alerts.size === 0 && state.groups.size === 0 ? detailsKeptEveryMs : clockKeptEveryMs
  }

  #changes(
    rows: AlertRows,
    withDetails: boolean,
  ): { readonly table: AlertTable; readonly key: string; readonly value: unknown }[] {
    const changes = []
    for (const table of alertTables) {
      if (table === 'alertMeta') continue
      const before = this.rows?.[table] ?? new Map<string, unknown>()
      const same = table === 'alerts' && !withDetails ? isSameButDetails : Object.is
      for (const [key, value] of rows[table]) if (!same(before.get(key), value)) changes.push({ table, key, value })
      for (const key of before.keys()) if (!rows[table].has(key)) changes.push({ table, key, value: undefined })
    }
    return changes
  }

  /** What was not written stays as it was written last, to be compared with. */
  #withOldDetails(rows: AlertRows): AlertRows {
    const before = this.rows?.alerts
    if (before === undefined) return rows
    const alerts = new Map(
      [...rows.alerts].map(([key, value]) => {
        const old = before.get(key)
        return [key, isSameButDetails(old, value) ? old : value]
      }),
    )
    return { ...rows, alerts }
  }
}

/** Whether two rows of an alert differ in nothing but figures and names. */
function isSameButDetails(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (!isAlert(a) || !isAlert(b)) return false
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  for (const name of names) {
    if (name === 'finding' || name === 'facts') continue
    const [before, now]: unknown[] = [Reflect.get(a, name), Reflect.get(b, name)]
    if (before !== now && JSON.stringify(before) !== JSON.stringify(now)) return false
  }
  return true
}

function isAlert(value: unknown): value is Alert {
  return typeof value === 'object' && value !== null
}

function entriesOf(rows: readonly StateRow[]): [string, unknown][] {
  return rows.map(({ key, value }) => [key, value])
}

/** Keys of one length, so that their order is that of the numbers. */
function seqKey(seq: number): string {
  return String(seq).padStart(12, '0')
}

function seqOf(key: string): number {
  return Number(key)
}

async function firstSeq(t: Tx): Promise<number | undefined> {
  const [first] = await t.first('alertHistory', 1)
  return first === undefined ? undefined : seqOf(first.key)
}

/** Keys of the index end with that of the line; `~` is behind every digit. */
function numberPrefix(number: number): string {
  return `#${seqKey(number)} `
}

/** JSON, so that no name is the beginning of another; its first letter comes before `#`. */
function subjectPrefix(subject: string): string {
  return `${JSON.stringify(subject)} `
}

function indexKeys({ number, subject }: Pick<Transition, 'number' | 'subject'>, key: string): string[] {
  return [`${numberPrefix(number)}${key}`, `${subjectPrefix(subjectText(subject))}${key}`]
}

/** The newest lines below a key, the newest first; with a prefix those that the index has under it. */
async function historyBelow(
  t: Tx,
  prefix: string | undefined,
  below: string | undefined,
): Promise<readonly StateRow[]> {
  if (prefix === undefined) return t.last('alertHistory', historyPage, below)
  const indexed = await t.last('alertHistoryIndex', historyPage, `${prefix}${below ?? '~'}`, prefix)
  const keys = indexed.map(({ key }) => key.slice(prefix.length))
  return Promise.all(keys.map(async (key) => ({ key, value: await t.get('alertHistory', key) })))
}

async function forget(t: Tx, key: string): Promise<void> {
  const { data } = transitionRow.safeParse(await t.get('alertHistory', key))
  await t.delete('alertHistory', key)
  if (data !== undefined) for (const indexed of indexKeys(data, key)) await t.delete('alertHistoryIndex', indexed)
}

/** The highest number that the history tells of; 0 if it tells of none. */
async function lastNumberIn(t: Tx): Promise<number> {
  const [last] = await t.last('alertHistoryIndex', 1, '#~', '#')
  return last === undefined ? 0 : Number(last.key.slice(1, last.key.indexOf(' ')))
}
