import { labelPatternTest } from '../../../common/pattern.js'
import type { MigrationControl, MoveOptions, MoveProgress } from '../hypervisor.js'
import type { DomainAccess } from './domain-access.js'
import { domainAbortJob, domainGetJobStats, domainMigratePeerToPeer, migrateFlag } from './procedures.js'
import { readReception, type ReceptionSite } from './reception.js'
import { counter, type TypedParameters } from './typed-parameters.js'
import { toNumber } from './xdr.js'
import { tellProgress } from './job-progress.js'

/** `migration` of agent.yaml. */
export interface MigrationSettings {
  readonly to: readonly string[]
  /** `{host}` stands for the other host's name. */
  readonly uri: string
  readonly encrypted: boolean
}

/** The caller's signal ends it earlier. */
const moveDeadlineMs = 7_200_000
const MiB = 1_048_576

/**
 * Moves that the source's libvirt drives, daemon to daemon: it goes on when the agent ends, and sees by itself when the other daemon is gone. The
 * guest arrives halted. libvirt lets the source go on when it gets no answer at the end of a move, though the target may have begun; a target that
 * never begins by itself makes that safe.
 */
export function migrationControl(
  { read, act }: DomainAccess,
  { to, uri, encrypted }: MigrationSettings,
  site: ReceptionSite,
): MigrationControl {
  return {
    refuses: (host) =>
      to.some((pattern) => labelPatternTest(pattern)(host))
        ? undefined
        : to.length === 0
          ? "the agent's configuration names no host that its VMs may move to"
          : `the agent's configuration does not let its VMs move to ${host}`,
    move: (vmUuid, options, progress, signal) =>
      act(vmUuid, false, signal, async (connection, domain) => {
        const over = new AbortController()
        const told = tellProgress(
          async () => moveProgress((await domainGetJobStats(connection, domain, { signal: over.signal })).parameters),
          progress,
          over.signal,
        )
        try {
          await domainMigratePeerToPeer(
            connection,
            domain,
            {
              uri: uri.replace('{host}', options.to),
              parameters: parametersOf(options),
              flags: flagsOf(options, encrypted),
            },
            { signal, deadlineMs: moveDeadlineMs },
          )
        } finally {
          over.abort()
          await told
        }
      }),
    breakOff: (vmUuid, signal) =>
      act(vmUuid, true, signal, (connection, domain) => domainAbortJob(connection, domain, { signal })),
    isBusy: (vmUuid, signal) =>
      read(vmUuid, signal, async (connection, domain) => {
        const { type } = await domainGetJobStats(connection, domain, { signal })
        return type === jobType.bounded || type === jobType.unbounded
      }),
    reception: (definition, signal) => readReception(definition, site, signal),
  }
}

/** VIR_DOMAIN_JOB_*. */
const jobType = { bounded: 1, unbounded: 2 } as const

function flagsOf({ autoConverge }: MoveOptions, encrypted: boolean): number {
  const { live, peerToPeer, persistAtTarget, paused, abortOnError } = migrateFlag
  return (
    live |
    peerToPeer |
    persistAtTarget |
    paused |
    abortOnError |
    (autoConverge ? migrateFlag.autoConverge : 0) |
    (encrypted ? migrateFlag.encrypted : 0)
  )
}

/** libvirt counts bandwidth in MiB a second. */
function parametersOf({ bandwidthBytesPerSecond }: MoveOptions): ReadonlyMap<string, bigint> {
  if (bandwidthBytesPerSecond === undefined) return new Map()
  return new Map([['bandwidth', BigInt(Math.max(1, Math.floor(bandwidthBytesPerSecond / MiB)))]])
}

/** Of libvirt's job statistics; undefined while they say nothing of sizes. */
export function moveProgress(parameters: TypedParameters): MoveProgress | undefined {
  const figure = (name: string): number | undefined => {
    const value = counter(parameters, name)
    return value === undefined ? undefined : toNumber(value)
  }
  const totalBytes = figure('data_total') ?? figure('memory_total')
  const remainingBytes = figure('data_remaining') ?? figure('memory_remaining')
  if (totalBytes === undefined || totalBytes === 0 || remainingBytes === undefined) return undefined
  const dirtyPages = figure('memory_dirty_rate')
  const pageBytes = figure('memory_page_size')
  return {
    totalBytes,
    remainingBytes,
    doneBytes: Math.max(0, totalBytes - remainingBytes),
    dirtyBytesPerSecond: dirtyPages === undefined || pageBytes === undefined ? undefined : dirtyPages * pageBytes,
  }
}
