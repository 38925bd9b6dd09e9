import { memory } from './figures.js'
import { line, span, type Look } from './look.js'
import { notes } from './notes.js'
import { renderTable } from './table.js'
import type { GrowStep } from '../../planner/grow/grow-step.js'

/** A plan to grow, as it is printed for programs. */
export interface GrowView {
  readonly done: number
  readonly steps: readonly (GrowStep & { readonly number: number; readonly text: string })[]
  /** Hosts that get no memory, and why. */
  readonly left: readonly { readonly host: string; readonly reason: string }[]
  /** In the end. */
  readonly hosts: readonly {
    readonly host: string
    readonly role: string
    readonly memoryBytes: number
    readonly leftBytes: number
    readonly vms: readonly string[]
  }[]
}

export function renderGrow({ steps, done, left, hosts }: GrowView, look: Look): string[] {
  const hours = steps.slice(done).reduce((sum, step) => sum + step.hours, 0)
  const mixed = steps.filter((step) => step.kind === 'move' && step.mixes).length
  return [
    ...renderTable(
      steps,
      [
        { head: '#', align: 'right', drop: 0, cell: ({ number }) => String(number) },
        { head: 'WHO', drop: 2, cell: ({ kind }) => (kind === 'move' ? 'command' : 'person') },
        { head: 'STEP', drop: 0, shrinkTo: 40, cell: ({ text }) => text },
        { head: 'HOURS', align: 'right', drop: 1, cell: ({ hours }) => hours.toFixed(1) },
        { head: 'DONE', drop: 3, cell: ({ number }) => (number <= done ? 'yes' : '') },
      ],
      look,
    ),
    '',
    ...renderTable(
      hosts,
      [
        { head: 'IN THE END', drop: 0, shrinkTo: 12, cell: ({ host }) => host },
        { head: 'ROLE', drop: 2, cell: ({ role }) => role },
        { head: 'MEMORY', align: 'right', drop: 1, cell: ({ memoryBytes }) => memory(memoryBytes) },
        { head: 'LEFT', align: 'right', drop: 0, cell: ({ leftBytes }) => memory(leftBytes) },
        { head: 'VMS', align: 'right', drop: 1, cell: ({ vms }) => String(vms.length) },
      ],
      look,
    ),
    '',
    line(
      [span(`${steps.length - done} steps are left, about ${hours.toFixed(1)} hours one after the other`, 'bold')],
      look,
    ),
    ...notes(
      [
        mixed === 0 ? undefined : `${mixed} moves put VMs beside others of another class; it is told at each in --json`,
        ...left.map(({ host, reason }) => `${host} gets no memory: ${reason}`),
      ],
      look,
    ),
  ]
}
