import { Lane, type Gap as WireGap, type Report } from '../../proto/gen/headroom/v1/report.js'
import type { ReportObservation } from '../model/observation.js'
import type { Gap } from '../model/snapshot.js'
import { known, word } from './enum-from-wire.js'
import { exportsFromWire } from './exports-from-wire.js'
import type { FieldCheck } from './field-check.js'
import { wireLimits } from './from-wire.js'
import { healthFromWire } from './health-from-wire.js'
import { hostFromWire } from './host-from-wire.js'
import { arrayFromWire } from './totals-from-wire.js'
import { vmFromWire } from './vm-from-wire.js'

const lanes: Readonly<Record<Lane, ReportObservation['lane']>> = {
  [Lane.LANE_UNSPECIFIED]: 'event',
  [Lane.LANE_STATE]: 'state',
  [Lane.LANE_FAST]: 'fast',
  [Lane.LANE_EVENT]: 'event',
  [Lane.UNRECOGNIZED]: 'event',
}

/** How far a report's clock may be from ours after correction before its time is replaced, milliseconds. */
const farthestAheadMs = 60_000
/** Older than any spool: a clock that was never set, not a late report. */
const farthestBehindMs = 366 * 86_400_000

/** A moment as the agent tells it, on our clock; one that cannot be is refused and becomes `instead`. */
function moment(
  field: string,
  at: number,
  { now, instead }: { now: number; instead: number },
  check: FieldCheck,
): number {
  if (at >= Math.max(0, now - farthestBehindMs) && at <= now + farthestAheadMs) return at
  check.refuse(field)
  return instead
}

/**
 * Validates a report. `offsetMs` (controller's clock minus agent's) is added to every time.
 * @returns undefined if it names no host, no sequence number or no time
 */
export function reportFromWire(
  report: Report,
  check: FieldCheck,
  { offsetMs, now }: { readonly offsetMs: number; readonly now: number },
): ReportObservation | undefined {
  const hostId = check.id('report.host_id', report.hostId)
  const seq = report.seq === 0n ? check.refuse('report.seq') : check.count('report.seq', report.seq)
  const spoolId = check.key('report.spool_id', report.spoolId, 64)
  const atMs = check.count('report.at_ms', report.atMs)
  if (hostId === undefined || seq === undefined || spoolId === undefined || atMs === undefined) return undefined
  const at = moment('report.at_ms', atMs + offsetMs, { now, instead: now }, check)
  return {
    spoolId,
    seq,
    hostId,
    bootId: check.text('report.boot_id', report.bootId, 64),
    at,
    lane: lanes[known('report.lane', report.lane, check)],
    gaps: check
      .list('report.gaps', report.gaps, wireLimits.maxGapsPerReport)
      .flatMap((gap) => gapFromWire(gap, { at, offsetMs }, check)),
    host: report.host === undefined ? undefined : hostFromWire(report.host, check),
    vms: check.unique(
      'vm.uuid',
      check
        .list('report.vms', report.vms, wireLimits.maxVmsPerReport)
        .flatMap((vm) => vmFromWire(vm, { reportAt: at, latest: Math.max(at, now + farthestAheadMs) }, check)),
      (vm) => vm.uuid,
    ),
    arrays: check.unique(
      'array.key',
      check
        .list('report.arrays', report.arrays, wireLimits.maxArraysPerHost)
        .flatMap((array) => arrayFromWire(array, check)),
      (array) => array.key,
    ),
    arraysApart: report.arraysApart,
    ...(report.exports === undefined ? {} : { exports: exportsFromWire(report.exports, check) }),
    collectors: check.list('report.collectors', report.collectors, 128).map((run) => ({
      name: check.text('collector.name', run.name, 64),
      durationSeconds: check.real('collector.duration_seconds', run.durationSeconds) ?? 0,
      success: run.success,
      error: check.text('collector.error', run.error, 512),
    })),
    events: check.list('report.events', report.events, wireLimits.maxEventsPerReport).flatMap((event) => {
      const vmUuid = event.vmUuid === '' ? '' : check.uuid('event.vm_uuid', event.vmUuid)
      const eventAt = check.count('event.at_ms', event.atMs)
      if (vmUuid === undefined || eventAt === undefined) return []
      return [
        {
          at: Math.min(moment('event.at_ms', eventAt + offsetMs, { now, instead: at }, check), now),
          vmUuid,
          vmName: check.text('event.vm_name', event.vmName),
          kind: word(known('event.kind', event.kind, check), 'EVENT_KIND_'),
          reason: word(known('event.reason', event.reason, check), 'VM_STATE_REASON_'),
          message: check.text('event.message', event.message, 512),
        },
      ]
    }),
    agent:
      report.agent === undefined
        ? undefined
        : {
            cpuSeconds: check.real('agent.cpu_seconds', report.agent.cpuSeconds),
            rssBytes: check.count('agent.rss_bytes', report.agent.rssBytes),
            spoolReports: check.count('agent.spool_reports', report.agent.spoolReports) ?? 0,
            droppedReports: check.count('agent.dropped_reports', report.agent.droppedReports) ?? 0,
            skippedTicks: check.count('agent.skipped_ticks', report.agent.skippedTicks) ?? 0,
          },
    ...(report.storageHealth === undefined
      ? {}
      : { storageHealth: healthFromWire(report.storageHealth, { at, offsetMs }, check) }),
  }
}

function gapFromWire(gap: WireGap, clock: { at: number; offsetMs: number }, check: FieldCheck): Gap[] {
  const vmUuid = gap.vmUuid === '' ? '' : check.uuid('gap.vm_uuid', gap.vmUuid)
  if (vmUuid === undefined) return []
  return [
    {
      vmUuid,
      group: check.text('gap.group', gap.group, 32),
      reason: word(known('gap.reason', gap.reason, check), 'GAP_REASON_'),
      message: check.text('gap.message', gap.message, 512),
      sinceMs: since(gap.sinceMs, clock, check),
    },
  ]
}

/** Since when something is missing: never later than the report itself, which is also the answer if it is not said. */
function since(sinceMs: bigint, { at, offsetMs }: { at: number; offsetMs: number }, check: FieldCheck): number {
  const told = check.count('gap.since_ms', sinceMs)
  return told === undefined || told === 0 ? at : Math.max(0, Math.min(at, told + offsetMs))
}
