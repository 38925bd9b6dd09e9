import { formatEndings, type HistoryFormat } from '../store/transfer/format.js'
import type { HistoryCounts } from '../store/transfer/history.js'
import { leftoverLines, type Leftover } from './leftovers.js'

export interface ReadmeFacts {
  readonly version: string
  readonly atMs: number
  readonly format: HistoryFormat
  readonly gzip: boolean
  /** Where the history was: a file or a server. Undefined: there was none. */
  readonly source: string | undefined
  readonly counts: HistoryCounts
  /** What is elsewhere, and what removes it. */
  readonly left: readonly Leftover[]
}

/** What is in the export, for somebody who has no headroom. */
export function leaveReadme({ version, atMs, format, gzip, source, counts, left }: ReadmeFacts): string {
  const ending = `${formatEndings[format]}${gzip ? '.gz' : ''}`
  const { points, rollUps, events } = counts
  return `What headroom ${version} knew on ${new Date(atMs).toISOString()}. Nothing here needs headroom to be read.

configuration/  the files of /etc/headroom, the policy among them, and changes to its services (systemd/). Passwords, tokens
                and keys are not here.
fleet/          agents.csv, hosts.csv, vms.csv, arrays.csv: who they were, with the ids that the history names them by.
                fleet.json: all that was known of their machines, disks and interfaces. alerts.csv: what happened to alerts.
                policy-1.yaml and so on: the policies that were in force, the oldest first.
history/        ${source === undefined ? 'empty: there was none' : `of ${source}: ${points} points, ${rollUps} rows of roll-ups, ${events} events`}

Files of the history are named after what they measure: vm, disk, nic (of VMs), host, array, file_system, storage, array_cache. Without more in the name
(vm${ending}) they hold points as they were measured; with _5m and _1h (vm_1h${ending}) the count, mean, min, max, last value and 95th
percentile of each five minutes and each hour, which go back further. event${ending} says what happened.
${gzip ? 'Unpack them with gunzip.\n' : ''}
${format === 'csv' ? csvWords : influxWords}
Units are in the names: Bytes, BytesPerSecond, Ms (milliseconds), Cores (CPU seconds per second), Fraction (0 to 1). What could not be
measured is absent, never 0.

Another headroom takes it back: headroom store import history

What is elsewhere, with what removes it:
${leftoverLines(left).join('\n')}
`
}

const csvWords = `CSV as spreadsheets, databases and pandas read it: commas, a line of names first, UTF-8. Times are ISO 8601 in UTC. % and two hexadecimal
digits stand for characters that would end a line (%25 is %). Columns that end in _sketch tell how the values spread, for
headroom; leave them alone. For example: python3 -c "import pandas; print(pandas.read_csv('history/host_1h.csv.gz').describe())"
`

const influxWords = `InfluxDB's line protocol, times in nanoseconds. InfluxDB 1.x: influx -import -precision=ns -path=FILE (unpacked; or -compressed), after
CREATE DATABASE "headroom" and CREATE RETENTION POLICY for "raw", "5m" and "1h". VictoriaMetrics:
curl --data-binary @FILE 'http://localhost:8428/write?db=headroom'
`
