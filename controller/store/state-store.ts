/**
 * Small durable state that is not a time series: agents, tokens, sessions, last inventories, alerts.
 * Rows are JSON values under (table, key). Async, so that a server database can follow.
 */
export const stateTables = [
  'ca',
  'agents',
  'joinTokens',
  'apiTokens',
  'sessions',
  'users',
  'inventories',
  'policyVersions',
  'alerts',
  'alertGroups',
  'alertQueue',
  'alertRefusals',
  'alertSilences',
  'alertFirings',
  'alertMeta',
  'alertHistory',
  'alertHistoryIndex',
  'recentChanges',
  'arrayModels',
  'commands',
  'hostMaintenance',
  'plans',
  'planShadow',
  'audit',
  'auditMarks',
  'meta',
] as const
export type StateTable = (typeof stateTables)[number]

export interface StateRow {
  readonly key: string
  readonly value: unknown
}

export interface Tx {
  get(table: StateTable, key: string): Promise<unknown>
  put(table: StateTable, key: string, value: unknown): Promise<void>
  delete(table: StateTable, key: string): Promise<void>
  /** Ascending by key. */
  list(table: StateTable): Promise<readonly StateRow[]>
  /** The first `limit` rows by key. */
  first(table: StateTable, limit: number): Promise<readonly StateRow[]>
  /** The last `limit` rows by key, the last first; with `before` of those below that key, with `from` of those from that key on. */
  last(table: StateTable, limit: number, before?: string, from?: string): Promise<readonly StateRow[]>
}

export interface StateStore {
  /** Runs `work` alone in one transaction: all of it is durable when this resolves, or none if it throws. Never nest. */
  tx<T>(work: (t: Tx) => Promise<T>): Promise<T>
  close(): Promise<void>
}
