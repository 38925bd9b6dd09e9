import { HypervisorUnavailable, type GapReason } from '../hypervisor.js'
import type { Caller } from './connection.js'
import type { DomainRef } from './procedures.js'
import type { Quarantine } from './quarantine.js'
import { runKey, type ReaderMemory } from './reader-memory.js'
import { CallAbandoned, errorCode, LibvirtError } from './rpc-error.js'
import type { Session } from './session.js'

export interface MonitorRequest {
  readonly session: Session
  readonly domain: DomainRef
  /** For all calls together, from when they begin. */
  readonly deadlineMs: number
  /** Rather nothing than wait for another pass that asks the same VM. */
  readonly skipIfBusy: boolean
  readonly signal: AbortSignal
}

export type MonitorOutcome =
  | { readonly status: 'done' }
  | { readonly status: 'busy' }
  | { readonly status: 'missed'; readonly reason: GapReason; readonly message: string }

/**
 * Asks a VM through its monitor: one pass at a time, not while it is in quarantine, on a line that it may keep if it hangs.
 * @throws CallAbandoned when the signal aborts
 */
export async function withMonitor(
  memory: ReaderMemory,
  request: MonitorRequest,
  work: (caller: Caller) => Promise<void>,
): Promise<MonitorOutcome> {
  const key = runKey(request.domain)
  for (let busy = memory.asking.get(key); busy !== undefined; busy = memory.asking.get(key)) {
    if (request.skipIfBusy) return { status: 'busy' }
    // How it ends is its own pass's business.
    await busy.catch(() => undefined)
  }
  const asking = ask(memory, request, work)
  memory.asking.set(key, asking)
  try {
    return await asking
  } finally {
    memory.asking.delete(key)
  }
}

async function ask(
  memory: ReaderMemory,
  { session, domain, deadlineMs, signal }: MonitorRequest,
  work: (caller: Caller) => Promise<void>,
): Promise<MonitorOutcome> {
  const refusal = refusalOf(memory, domain)
  if (refusal !== undefined) return { status: 'missed', reason: 'quarantined', message: refusal }
  try {
    await session.lines.run(work, deadlineMs, signal)
    memory.monitorQuarantine.answered(runKey(domain))
    return { status: 'done' }
  } catch (error) {
    return { status: 'missed', ...judgeFailure(memory, domain, memory.monitorQuarantine, error) }
  }
}

/** Why the VM is not asked now. A stopped process shows without asking, and costs no line. */
function refusalOf(memory: ReaderMemory, domain: DomainRef): string | undefined {
  const state = memory.processes.processState(domain.uuid)
  if (state === 'T' || state === 't') return 'its QEMU process is stopped'
  switch (memory.monitorQuarantine.permission(runKey(domain), memory.now())) {
    case 'yes':
      return undefined
    case 'outstanding':
      return 'it has not answered the last call yet'
    case 'resting':
      return 'it did not answer and is asked only rarely'
  }
}

/**
 * What a failed call means for the gap, and for the VM: one that did not answer goes into quarantine until it does.
 * @throws the error itself if the signal aborted
 */
export function judgeFailure(
  memory: ReaderMemory,
  domain: DomainRef,
  quarantine: Quarantine,
  error: unknown,
): { reason: GapReason; message: string } {
  const key = runKey(domain)
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof CallAbandoned) {
    quarantine.stuck(key, memory.now(), true)
    const ended = (answered: boolean): void => {
      if (answered) quarantine.answered(key)
      else quarantine.ended(key, memory.now())
    }
    error.late.then((end) => ended(end === 'answered')).catch(() => ended(false))
    if (error.why === 'aborted') throw error
    return { reason: 'timeout', message }
  }
  if (error instanceof HypervisorUnavailable) return { reason: 'disconnected', message }
  if (!(error instanceof LibvirtError)) return { reason: 'failed', message }
  if (error.code !== errorCode.operationTimeout) return { reason: error.denied ? 'denied' : 'failed', message }
  // Another call holds the VM, and libvirt gave up waiting for it.
  quarantine.stuck(key, memory.now(), false)
  return { reason: 'timeout', message }
}
