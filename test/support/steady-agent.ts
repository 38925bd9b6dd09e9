import type { Identity } from '../../agent/report/identity.js'
import { hostDraft, openRawSession } from './ingest-agent.js'

/** An agent that reports at a steady beat, and measures how long its acks take. */
export interface SteadyAgent {
  /** Acks of the reports that were sent since the last call, milliseconds each; those that have not come yet count as long as they wait. */
  ackTimes(): readonly number[]
  readonly hasEnded: boolean
  stop(): void
}

/** Starts one for the host `name`; resolves with its first ack. */
export async function startSteadyAgent(
  address: string,
  identity: Identity,
  name: string,
  everyMs: number,
): Promise<SteadyAgent> {
  const sentAt = new Map<number, number>()
  let times: number[] = []
  let hasEnded = false
  let first = (): void => undefined
  const acked = new Promise<void>((resolve) => {
    first = resolve
  })
  const session = openRawSession(address, identity, undefined, ({ message }) => {
    if (message?.$case !== 'ack') return
    const at = performance.now()
    for (const [seq, sent] of sentAt) {
      if (seq > Number(message.value.throughSeq)) break
      sentAt.delete(seq)
      times.push(at - sent)
    }
    first()
  })
  void session.ended.then(() => {
    hasEnded = true
  })
  session.hello({ hosts: [hostDraft(name)] })
  let seq = 0
  const timer = setInterval(() => {
    seq += 1
    sentAt.set(seq, performance.now())
    session.report({ hostId: `id-of-${name}`, seq, host: { load1: seq } })
  }, everyMs)
  await acked
  return {
    ackTimes() {
      const at = performance.now()
      const all = [...times, ...[...sentAt.values()].map((sent) => at - sent)]
      times = []
      return all
    },
    get hasEnded() {
      return hasEnded
    },
    stop() {
      clearInterval(timer)
      session.close()
    },
  }
}

/** The value below which this share of the numbers is. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
