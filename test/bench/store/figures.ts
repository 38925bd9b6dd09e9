import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The value that a share of all does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN
}

export function rounded(value: number, digits = 2): number {
  return Number(value.toFixed(digits))
}

export interface Latency {
  readonly n: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export function latencyOf(ms: readonly number[]): Latency {
  return {
    n: ms.length,
    p50Ms: rounded(quantile(ms, 0.5)),
    p99Ms: rounded(quantile(ms, 0.99)),
    maxMs: rounded(Math.max(...ms)),
  }
}

/** How long each of some questions takes, one after the other. */
export async function timed(count: number, ask: (index: number) => Promise<unknown>): Promise<number[]> {
  const took: number[] = []
  for (let index = 0; index < count; index += 1) {
    const began = performance.now()
    await ask(index)
    took.push(performance.now() - began)
  }
  return took
}

/** Bytes of all files in a directory. */
export function bytesOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return 0
  if (!found.isDirectory()) return found.size
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0)
}

/** Resident memory of a process. */
export function residentBytesOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN) * 1024
}
