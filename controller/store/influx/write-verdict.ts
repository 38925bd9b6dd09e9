import type { PartVerdict } from '../server/send-in-parts.js'

/**
 * Answers of InfluxDB 1.x: it stores what it can of a write and says so in words (`partial write: …`, status 400). Points beyond the
 * retention, in conflict with a field's type, or over a limit of series are not taken, however often they are sent.
 * @param message what the client says: `A 400 Bad Request error occurred: {"error":"…"}`, or an error of the network
 */
export function writeVerdict(message: string): PartVerdict {
  const status = Number(/^A (\d{3}) /.exec(message)?.[1] ?? 0)
  const said = serverWords(message)
  if (status === 401 || status === 403) return { is: 'failed', problem: `it does not let this program in: ${said}` }
  if (status === 413) return { is: 'too-much', reason: said }
  if (status !== 400) return { is: 'failed', problem: said }
  const dropped = /^partial write: (.*?)(?: dropped=(\d+))?$/.exec(said)
  if (dropped === null) return { is: 'too-much', reason: said }
  // It counts no lines that it cannot read.
  return { is: 'taken', refused: { points: Math.max(1, Number(dropped[2] ?? 0)), reason: dropped[1] ?? said } }
}

/** The server's own words in the client's. */
export function serverWords(message: string): string {
  const found = /"error":("(?:[^"\\]|\\.)*")/.exec(message)
  if (found?.[1] === undefined) return message.trim()
  const text: unknown = JSON.parse(found[1])
  return String(text)
}
