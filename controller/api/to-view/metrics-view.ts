import type { Gap, Metric } from '../../model/snapshot.js'
import type { GapView } from '../views.js'

type Metrics = Readonly<Record<string, Metric>>

/** The metrics that are known, as plain numbers. */
export function knownMetrics(metrics: Metrics): Record<string, number> {
  const known: Record<string, number> = {}
  for (const [name, metric] of Object.entries(metrics)) if ('value' in metric) known[name] = metric.value
  return known
}

/** Why the others are not known. */
export function absentMetrics(metrics: Metrics): Record<string, string> {
  const absent: Record<string, string> = {}
  for (const [name, metric] of Object.entries(metrics)) if ('absent' in metric) absent[name] = metric.absent
  return absent
}

export function gapViews(gaps: readonly Gap[]): GapView[] {
  return gaps.map(({ group, reason, message, sinceMs }) => ({ group, reason, message, sinceMs }))
}

type Given<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** The object without its undefined properties: what is not known is left out of an answer. */
export function given<T extends object>(fields: T): Given<T> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromEntries forgets the keys; only undefined values went.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>
}

/** Text that is known: undefined for an empty one. */
export function text(value: string): string | undefined {
  return value === '' ? undefined : value
}
