import { formatBytes } from '../../../common/units.js'
import type { CheckReport } from '../../store/embedded/offline/check-store.js'
import type { Repaired } from '../../store/embedded/offline/repair-store.js'
import { line, span, type Look } from './look.js'

export function renderCheck({ path, bytes, points, rows, problems }: CheckReport, look: Look): string[] {
  const counted = Object.entries(rows).map(([table, count]) => `${count} ${table}`)
  const head = line([span(`${path}: ${formatBytes(bytes)}, ${points} points; rows read: ${counted.join(', ')}`)], look)
  if (problems.length === 0) return [head, line([span('everything fits')], look)]
  return [head, ...problems.map((problem) => line([span(problem)], look))]
}

export function renderRepair(path: string, { rows, lost, formerPath }: Repaired, look: Look): string[] {
  const kept = Object.entries(rows).map(([table, count]) => `${count} ${table}`)
  return [
    line([span(`${path} holds all that could be read: ${kept.join(', ')}; the damaged file is ${formerPath}`)], look),
    ...lost.map((what) => line([span(`could not be read in full: ${what}`)], look)),
  ]
}
