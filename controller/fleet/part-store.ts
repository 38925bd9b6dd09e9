import type { EntityKey, Point } from '../store/time-series.js'
import { merge, unread, type Merged, type Metrics, type Readings } from './absence.js'
import { neverCounted, type Part } from './counted.js'
import type { CopyContext } from './vm-copy.js'

/** More than one report can name. */
const mostParts = 512

/** The part of that name; a new one knows nothing yet. Where there are too many, the one that came first goes. */
export function partOf(
  parts: Map<string, Part>,
  name: string,
  kind: 'disk' | 'nic',
  { capabilities }: CopyContext,
): Part {
  const known = parts.get(name)
  if (known !== undefined) return known
  const part: Part = { ...neverCounted, metrics: unread(kind, capabilities) }
  const [oldest] = parts.keys()
  if (parts.size >= mostParts && oldest !== undefined) parts.delete(oldest)
  parts.set(name, part)
  return part
}

/** Puts readings over the part's figures; returns what is worth storing. */
export function store(
  part: Part,
  kind: EntityKey['kind'],
  id: string,
  readings: Readings,
  at: number,
  context: CopyContext,
): Point[] {
  const { metrics, stored } = merged(kind, part.metrics, readings, at, context)
  part.metrics = metrics
  return pointOf(kind, id, at, stored)
}

/** None without fields. */
export function pointOf(kind: EntityKey['kind'], id: string, atMs: number, fields: Point['fields']): Point[] {
  return Object.keys(fields).length === 0 ? [] : [{ entity: { kind, id }, atMs, fields }]
}

/** New readings over old figures, as the hypervisor gave them. */
export function merged(
  kind: EntityKey['kind'],
  old: Metrics,
  readings: Readings,
  at: number,
  { capabilities, contradictions }: CopyContext,
): Merged {
  const result = merge(kind, old, readings, at, { capabilities, defaultSource: 'hypervisor' })
  contradictions.add(kind, result.refused)
  return result
}
