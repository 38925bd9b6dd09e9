/** CPUs in use: `0.53`. */
export function coresText(used: number): string {
  return used.toFixed(2)
}

/** `0.4 ms`, `12 ms`, `1.5 s`. */
export function latencyText(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  return ms < 999.5 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`
}

/** `4.2/s`, `310/s`. */
export function perSecondText(count: number): string {
  return `${count.toFixed(count > 0 && count < 10 ? 1 : 0)}/s`
}

/** `12%`. */
export function percentText(share: number): string {
  return `${(share * 100).toFixed(0)}%`
}
