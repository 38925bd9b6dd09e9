import type { ChainMark } from '../../common/hash-chain.js'
import type { AuditMark, ToAgent } from '../../proto/gen/headroom/v1/agent.js'
import type { Command } from '../commands/command.js'
import { wireLimits } from './from-wire.js'

/** How often agents measure; handed out by the controller. Milliseconds. */
export interface Intervals {
  readonly stateMs: number
  readonly fastMs: number
  readonly blockMs: number
  readonly guestMemoryMs: number
  readonly inventoryMs: number
}

export function welcomeToWire(welcome: {
  readonly clockOffsetMs: number
  readonly lastSeq: number
  readonly refusedHostIds: readonly string[]
  readonly backlog: readonly { readonly spoolId: string; readonly throughSeq: number }[]
}): ToAgent {
  return {
    message: {
      $case: 'welcome',
      value: {
        clockOffsetMs: BigInt(Math.round(welcome.clockOffsetMs)),
        lastSeq: BigInt(welcome.lastSeq),
        limits: {
          maxMessageBytes: wireLimits.maxMessageBytes,
          maxVmsPerReport: wireLimits.maxVmsPerReport,
          maxReportsInFlight: wireLimits.maxReportsInFlight,
        },
        refusedHostIds: [...welcome.refusedHostIds],
        backlog: welcome.backlog.map(({ spoolId, throughSeq }) => ({ spoolId, throughSeq: BigInt(throughSeq) })),
      },
    },
  }
}

export function settingsToWire(
  revision: number,
  intervals: Intervals,
  { renewCertificate }: { readonly renewCertificate: boolean },
): ToAgent {
  return {
    message: {
      $case: 'settings',
      value: {
        revision: BigInt(revision),
        stateIntervalMs: intervals.stateMs,
        fastIntervalMs: intervals.fastMs,
        blockIntervalMs: intervals.blockMs,
        guestMemoryIntervalMs: intervals.guestMemoryMs,
        inventoryIntervalMs: intervals.inventoryMs,
        renewCertificate,
      },
    },
  }
}

export function ackToWire(spoolId: string, throughSeq: number): ToAgent {
  return { message: { $case: 'ack', value: { spoolId, throughSeq: BigInt(throughSeq) } } }
}

export function commandToWire(command: Command, { onlyReport }: { readonly onlyReport: boolean }): ToAgent {
  const { id, hostId, verb, vmUuid, args, startBefore, actor, dryRun, timeoutMs, definition } = command
  return {
    message: {
      $case: 'command',
      value: {
        id,
        hostId,
        verb,
        vmUuid,
        args: { ...args },
        deadlineMs: BigInt(startBefore),
        actor,
        dryRun,
        timeoutMs,
        onlyReport,
        definition: Buffer.from(definition ?? ''),
      },
    },
  }
}

export function cancelToWire(id: string, actor: string): ToAgent {
  return { message: { $case: 'cancel', value: { id, actor } } }
}

export function updateAckToWire(id: string, revision: number): ToAgent {
  return { message: { $case: 'updateAck', value: { id, revision: BigInt(revision) } } }
}

export function auditHeadToWire({
  head,
  again,
  seen,
}: {
  readonly head: ChainMark
  readonly again: ChainMark | undefined
  readonly seen: ChainMark | undefined
}): ToAgent {
  const value = { ...markToWire(head), again: again && markToWire(again), seen: seen && markToWire(seen) }
  return { message: { $case: 'auditHead', value } }
}

function markToWire({ logId, entries, hash }: ChainMark): AuditMark {
  return { logId, entries: BigInt(entries), hash: Buffer.from(hash, 'hex') }
}
