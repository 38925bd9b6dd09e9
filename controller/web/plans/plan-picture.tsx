import type { PlanView, PlannedMoveView } from '../../api/plan-views.js'
import { formatSetMemory, plural } from '../format/figures.js'

type BeforeAfter = PlanView['hosts'][number]
type Fill = BeforeAfter['before']

/** Memory and CPU of the hosts that a plan changes, before and after. */
export function PlanPicture({ hosts }: { readonly hosts: readonly BeforeAfter[] }) {
  const changed = hosts.filter(
    ({ before, after }) => before.vms !== after.vms || before.memoryBytes !== after.memoryBytes,
  )
  if (changed.length === 0) return null
  return (
    <ul class="plan-picture">
      {changed.map(({ before, after }) => (
        <li key={before.host}>
          <strong>{before.host}</strong>
          <Bar when="before" fill={before} />
          <Bar when="after" fill={after} />
        </li>
      ))}
    </ul>
  )
}

function Bar({ when, fill }: { readonly when: 'before' | 'after'; readonly fill: Fill }) {
  const { memoryBytes, memoryMostBytes, cores, coresMost, vms } = fill
  const share = memoryMostBytes === 0 ? 1 : memoryBytes / memoryMostBytes
  const cpu =
    cores === undefined || coresMost === undefined
      ? ''
      : `, CPU ${Math.round((100 * cores) / coresMost)}% at its busiest`
  const most = memoryMostBytes === 0 ? 'an unknown amount' : formatSetMemory(memoryMostBytes)
  const text = `${formatSetMemory(memoryBytes)} of ${most}${cpu}, ${plural(vms, 'VM')}`
  return (
    <div class={`plan-bar plan-bar-${when}`}>
      <span class="muted">{when}</span>
      <span
        class={share > 1 ? 'plan-track over' : 'plan-track'}
        role="img"
        aria-label={`${fill.host} ${when}: ${text}`}
      >
        <span style={{ width: `${Math.round(100 * Math.min(1, share))}%` }} />
      </span>
      <span>{text}</span>
    </div>
  )
}

/** Hosts as the first move finds them, and as the last leaves them. */
export function hostsOf(moves: readonly PlannedMoveView[]): BeforeAfter[] {
  const hosts = new Map<string, BeforeAfter>()
  for (const { source, target } of moves) {
    for (const { before, after } of [source, target]) {
      hosts.set(before.host, { before: hosts.get(before.host)?.before ?? before, after })
    }
  }
  return [...hosts.values()]
}
