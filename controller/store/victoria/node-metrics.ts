/** What a process of VictoriaMetrics says of itself at /metrics, as far as it matters here. */
export interface NodeMetrics {
  /** Unix time in seconds; undefined if it does not say. */
  readonly startedAt: number | undefined
  /** Seconds; undefined if it does not say. */
  readonly uptime: number | undefined
  /** Settings it was started with. */
  readonly flags: ReadonlyMap<string, string>
  /** Bytes that wait to be sent on: vmagent only. */
  readonly pendingBytes: number
  readonly dataBytes: number
}

/** Reads the text of /metrics; lines that it does not know are passed over. */
export function nodeMetrics(text: string): NodeMetrics {
  let startedAt: number | undefined
  let uptime: number | undefined
  const flags = new Map<string, string>()
  let [pendingBytes, dataBytes] = [0, 0]
  for (const row of text.split('\n')) {
    const found = /^(\w+)(\{[^}]*\})? (\S+)/.exec(row)
    if (found === null) continue
    const [, name = '', labels = '', text = ''] = found
    const value = Number(text)
    if (name === 'process_start_time_seconds') startedAt = value
    else if (name === 'vm_app_uptime_seconds') uptime = value
    else if (name === 'flag') flags.set(labelOf(labels, 'name'), labelOf(labels, 'value'))
    else if (name === 'vmagent_remotewrite_pending_data_bytes') pendingBytes += value
    else if (name === 'vm_data_size_bytes') dataBytes += value
  }
  return { startedAt, uptime, flags, pendingBytes, dataBytes }
}

function labelOf(labels: string, name: string): string {
  return new RegExp(`[{,] ?${name}="([^"]*)"`).exec(labels)?.[1] ?? ''
}

const unitsMs = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
} as const

/** `1ms`, `1h30m`, `5y`; a bare number is months, as in `-retentionPeriod=1`. Undefined if it is no such text. */
export function flagDurationMs(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 31 * unitsMs.d
  if (!/^(\d+(\.\d+)?(ms|[smhdwy]))+$/.test(text)) return undefined
  let sum = 0
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwy])/g)) {
    const known = Object.entries(unitsMs).find(([name]) => name === unit)
    sum += Number(count) * (known?.[1] ?? 0)
  }
  return sum
}
