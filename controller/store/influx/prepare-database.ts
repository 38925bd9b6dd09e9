import type { Retention } from '../server/sink.js'
import { InfluxQueryError, type InfluxConnection, type InfluxSeries } from './influx-connection.js'
import {
  continuousQueries,
  goDurationMs,
  quoted,
  retentionPolicies,
  retentionStatement,
  type RetentionPolicy,
} from './influxql.js'

interface PolicyInForce extends RetentionPolicy {
  readonly isDefault: boolean
}

/**
 * Makes database, retention policies and continuous queries what they are to be; changes nothing that is so already.
 * @throws Error naming the statement that an administrator has to run, if this user may not; Error of the network
 */
export async function prepareDatabase(connection: InfluxConnection, retention: Retention): Promise<void> {
  const { database } = connection
  const change = async (statement: string): Promise<void> => {
    try {
      await connection.query(statement)
    } catch (error) {
      if (!(error instanceof InfluxQueryError) && !isNotAllowed(error)) throw error
      throw new Error(`it does not accept this; an administrator can: ${shortened(statement)} (${messageOf(error)})`, {
        cause: error,
      })
    }
  }
  let policies = await policiesInForce(connection)
  if (policies === undefined) {
    await change(`CREATE DATABASE ${quoted(database)}`)
    policies = (await policiesInForce(connection)) ?? new Map<string, PolicyInForce>()
  }
  for (const wanted of retentionPolicies(retention)) {
    const found = policies.get(wanted.tier)
    if (found === undefined) await change(retentionStatement('CREATE', database, wanted))
    else if (!isAsWanted(found, wanted)) await change(retentionStatement('ALTER', database, wanted))
  }
  const wanted = continuousQueries(database, retention)
  const existing = await queriesOf(connection)
  for (const name of existing) {
    if (!name.startsWith('headroom_') || wanted.some((query) => query.name === name)) continue
    await change(`DROP CONTINUOUS QUERY ${quoted(name)} ON ${quoted(database)}`)
  }
  for (const { name, text } of wanted) if (!existing.includes(name)) await change(text)
}

/** By name; undefined if there is no such database, or none that this user may see. */
export async function policiesInForce(
  connection: InfluxConnection,
): Promise<ReadonlyMap<string, PolicyInForce> | undefined> {
  try {
    const [series = []] = await connection.query(`SHOW RETENTION POLICIES ON ${quoted(connection.database)}`)
    const rows = series.flatMap(rowsOf)
    return new Map(rows.map((row) => [String(row.get('name')), policyOf(row)]))
  } catch (error) {
    if (isNotAllowed(error)) return undefined
    if (error instanceof InfluxQueryError && error.message.startsWith('database not found')) return undefined
    throw error
  }
}

function policyOf(row: ReadonlyMap<string, unknown>): PolicyInForce {
  return {
    tier: 'raw',
    durationMs: goDurationMs(String(row.get('duration'))) ?? NaN,
    shardMs: goDurationMs(String(row.get('shardGroupDuration'))) ?? NaN,
    isDefault: row.get('default') === true,
  }
}

function isAsWanted(found: PolicyInForce, { tier, durationMs, shardMs }: RetentionPolicy): boolean {
  return found.durationMs === durationMs && found.shardMs === shardMs && found.isDefault === (tier === 'raw')
}

async function queriesOf(connection: InfluxConnection): Promise<string[]> {
  const [series = []] = await connection.query('SHOW CONTINUOUS QUERIES')
  return series
    .filter(({ name }) => name === connection.database)
    .flatMap(rowsOf)
    .map((row) => String(row.get('name')))
}

/** Values of each row by column. */
export function rowsOf({ columns, values }: InfluxSeries): ReadonlyMap<string, unknown>[] {
  return values.map((row) => new Map(columns.map((column, index) => [column, row[index]])))
}

/** Whether InfluxDB refused a statement because of who asked: by its status, or in the answer. */
export function isNotAllowed(error: unknown): boolean {
  return error instanceof Error && /^A 403 |^error authorizing|not authorized/.test(error.message)
}

function shortened(statement: string): string {
  return statement.length > 300 ? `${statement.slice(0, 297)}...` : statement
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
