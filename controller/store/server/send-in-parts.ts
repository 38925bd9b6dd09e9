import type { Refusal, WriteOutcome } from './sink.js'

/** What a server said to a part. */
export type PartVerdict =
  /** It has all of it but for what was refused. */
  | { readonly is: 'taken'; readonly refused?: Refusal }
  /** Something of it cannot be taken, and the answer does not say what: to be sent in smaller parts. */
  | { readonly is: 'too-much'; readonly reason: string }
  | { readonly is: 'failed'; readonly problem: string }

/** A server that refuses so many points one by one, and has taken none, has another trouble than these points. */
const mostAccused = 10

/**
 * Sends items in order, some at a time, and in ever smaller parts where one is refused as a whole. Single items are given up only beside
 * others that were taken: a server that takes nothing (a wrong path, a proxy's answer) has failed, and everything is kept.
 */
export async function sendInParts<Item>(
  items: readonly Item[],
  mostAtOnce: number,
  send: (part: readonly Item[]) => Promise<PartVerdict>,
): Promise<WriteOutcome> {
  const parts: (readonly Item[])[] = []
  for (let at = 0; at < items.length; at += mostAtOnce) parts.unshift(items.slice(at, at + mostAtOnce))
  const refusals: Refusal[] = []
  let taken = 0
  let accused = 0
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const verdict = await send(part)
    switch (verdict.is) {
      case 'failed':
        return verdict
      case 'taken':
        taken += part.length
        if (verdict.refused !== undefined) refusals.push(verdict.refused)
        break
      case 'too-much': {
        const half = Math.ceil(part.length / 2)
        if (part.length > 1) parts.push(part.slice(half), part.slice(0, half))
        else {
          refusals.push({ points: 1, reason: verdict.reason })
          accused += 1
        }
      }
    }
    const last = refusals.at(-1)
    if (taken === 0 && last !== undefined && accused > 0 && (accused === mostAccused || parts.length === 0))
      return { is: 'failed', problem: last.reason }
  }
  return { is: 'stored', refused: together(refusals) }
}

/** Undefined if there are none. */
export function together(refusals: readonly Refusal[]): Refusal | undefined {
  const last = refusals.at(-1)
  if (last === undefined) return undefined
  return { points: refusals.reduce((sum, { points }) => sum + points, 0), reason: last.reason }
}
