import type { ToAgent } from '../../proto/gen/headroom/v1/agent.js'
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
