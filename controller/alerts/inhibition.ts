import type { Alert } from '../model/alert.js'
import type { Related } from '../model/finding.js'
import { matchesPattern } from '../policy/match.js'
import type { AlertPattern, Inhibition } from './settings.js'
import { subjectKey, type World } from './world.js'

/**
 * Which alerts are explained by another, by key, with the key of what explains them. Alerts that only explain each other in a circle are
 * explained by nobody: there is always one that is told.
 */
export function inhibited(
  alerts: ReadonlyMap<string, Alert>,
  rules: readonly Inhibition[],
  world: Pick<World, 'around'>,
): ReadonlyMap<string, string> {
  const explained = new Map<string, string[]>()
  for (const rule of rules) {
    const sources = sourcesBySubject(alerts, rule)
    if (sources.size === 0) continue
    for (const target of alerts.values()) {
      if (!fits(rule.target, target)) continue
      for (const subject of subjectsFor(rule, target, world)) {
        const others = (sources.get(subject) ?? []).filter((key) => key !== target.key)
        if (others.length > 0) explained.set(target.key, [...(explained.get(target.key) ?? []), ...others])
      }
    }
  }
  return fromUnexplained(alerts, explained)
}

/** By which subjects a target may be explained. */
function subjectsFor({ relation }: Inhibition, target: Alert, world: Pick<World, 'around'>): readonly string[] {
  switch (relation) {
    case 'inside':
      return world.around(target.finding.subject)
    case 'culprit':
      return relatedOf(target, 'culprit')
    case 'same':
    case 'victim':
      return [keyOf(target)]
  }
}

function relatedOf({ finding }: Alert, role: Related['role']): string[] {
  return finding.related.filter((one) => one.role === role).map(({ subject }) => subjectKey(subject))
}

/** Keys of the alerts that explain, by the subject of what they explain. */
function sourcesBySubject(alerts: ReadonlyMap<string, Alert>, rule: Inhibition): Map<string, string[]> {
  const sources = new Map<string, string[]>()
  for (const source of alerts.values()) {
    if (!fits(rule.source, source)) continue
    const subjects = rule.relation === 'victim' ? relatedOf(source, 'victim') : [keyOf(source)]
    for (const subject of subjects) sources.set(subject, [...(sources.get(subject) ?? []), source.key])
  }
  return sources
}

/** Follows explanations from the alerts that nothing explains. */
function fromUnexplained(
  alerts: ReadonlyMap<string, Alert>,
  explained: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, string> {
  const explains = new Map<string, string[]>()
  for (const [target, sources] of explained) {
    for (const source of sources) explains.set(source, [...(explains.get(source) ?? []), target])
  }
  const result = new Map<string, string>()
  const open = [...alerts.keys()].filter((key) => !explained.has(key)).sort()
  for (let source = open.shift(); source !== undefined; source = open.shift()) {
    for (const target of (explains.get(source) ?? []).sort()) {
      if (result.has(target)) continue
      result.set(target, source)
      open.push(target)
    }
  }
  return result
}

function fits({ check, kind, severity }: AlertPattern, alert: Alert): boolean {
  if (kind !== undefined && kind !== alert.finding.subject.kind) return false
  return (severity === undefined || severity === alert.severity) && matchesPattern(check, alert.finding.check)
}

function keyOf({ finding }: Alert): string {
  return subjectKey(finding.subject)
}
