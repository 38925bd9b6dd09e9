import { formatBytes, formatDuration, formatMemory } from '../../../common/units.js'
import type { FailureCardView, PlanView } from '../../api/plan-views.js'
import { line, type Look, paragraph, type Span, span } from './look.js'
import { notes } from './notes.js'
import { section } from './section.js'
import { renderTable } from './table.js'

type Fill = PlanView['hosts'][number]['before']

/** A plan of the fleet as it is: moves with their reasons, hosts before and after as bars, what it mends, and who cannot move. */
export function renderLivePlan(plan: PlanView, look: Look): string[] {
  const { moves, says, complete } = plan
  return [
    ...paragraph(says, look, complete ? 'bold' : 'warning'),
    ...(moves.length === 0 ? [] : ['', ...moveTable(moves, look)]),
    ...bars(plan, look),
    ...section(
      'If it is done',
      plan.findings.filter(({ fate }) => fate !== 'stays'),
      [
        {
          head: '',
          drop: 0,
          cell: ({ fate }) => (fate === 'mended' ? span('ends', 'good') : span('begins', 'warning')),
        },
        { head: 'CHECK', drop: 0, cell: ({ check }) => check },
        { head: 'OF', drop: 0, cell: ({ subject }) => subject },
      ],
      look,
    ),
    ...section(
      'To be copied, each while it is off',
      plan.copies,
      [
        { head: 'VM', drop: 0, cell: ({ vm }) => vm },
        { head: 'DISKS', align: 'right', drop: 0, cell: ({ diskBytes }) => formatBytes(diskBytes) },
        { head: 'TAKES', drop: 0, cell: ({ duration }) => spanText(duration) },
      ],
      look,
    ),
    ...staying(plan, look),
    ...cannotLines(plan.cannot, look),
    ...notes(
      [
        ...plan.conflict.map(({ rule, what }) => `in the way (${rule}): ${what}`),
        basisText(plan.basis),
        plan.capped
          ? 'the policy limits the number of moves: more may be gained by another plan afterwards'
          : undefined,
        ...moves.filter(({ by }) => by === 'person').map(({ vm, note }) => `by hand, ${vm}: ${note}`),
      ],
      look,
    ),
  ]
}

function moveTable(moves: PlanView['moves'], look: Look): string[] {
  return renderTable(
    moves.map((move, at) => ({ ...move, number: at + 1 })),
    [
      { head: '#', align: 'right', drop: 1, cell: ({ number }) => String(number) },
      { head: 'VM', drop: 0, shrinkTo: 12, cell: ({ vm }) => vm },
      { head: 'FROM', drop: 0, shrinkTo: 10, cell: ({ from }) => from },
      { head: 'TO', drop: 0, shrinkTo: 10, cell: ({ to }) => to },
      { head: 'HOW', drop: 0, cell: ({ kind, by }) => (by === 'person' ? span(`${kind}, by hand`, 'warning') : kind) },
      { head: 'TAKES', drop: 3, cell: ({ times }) => spanText(times.duration) },
      { head: 'DOWN', drop: 4, cell: ({ times }) => spanText(times.downtime) },
      { head: 'WHY', drop: 2, wrap: true, cell: ({ reason }) => reason },
      {
        head: 'NEXT BEST',
        drop: 5,
        wrap: true,
        cell: ({ runnerUp }) => ('none' in runnerUp ? `none: ${runnerUp.none}` : runnerUp.host),
      },
    ],
    look,
  )
}

/** Findings that stay, and why, where there is more to say than of single VMs. */
function staying({ findings }: PlanView, look: Look): string[] {
  return section(
    'What no move mends',
    findings.filter(({ fate }) => fate === 'stays'),
    [
      { head: 'CHECK', drop: 0, cell: ({ check }) => check },
      { head: 'OF', drop: 0, cell: ({ subject }) => subject },
      { head: 'WHY', drop: 1, wrap: true, cell: ({ why }) => why },
    ],
    look,
  )
}

function cannotLines(cannot: PlanView['cannot'], look: Look): string[] {
  return section(
    'Cannot move',
    cannot.flatMap(({ vm, on, why }) =>
      why.map((one, at) => ({ vm: at === 0 ? vm : '', on: at === 0 ? on : '', ...one })),
    ),
    [
      { head: 'VM', drop: 0, cell: ({ vm }) => vm },
      { head: 'ON', drop: 2, cell: ({ on }) => on },
      { head: 'NOT TO', drop: 0, cell: ({ host }) => host },
      { head: 'RULE', drop: 0, cell: ({ rule }) => rule },
      { head: 'BECAUSE', drop: 1, wrap: true, cell: ({ reason }) => reason },
    ],
    look,
  )
}

const barWidth = 20

/** Memory of each host that changes, before and after. */
function bars({ hosts }: PlanView, look: Look): string[] {
  const changed = hosts.filter(
    ({ before, after }) => before.memoryBytes !== after.memoryBytes || before.vms !== after.vms,
  )
  if (changed.length === 0) return []
  const width = Math.max(...changed.map(({ before }) => before.host.length))
  return [
    '',
    line([span('Memory of its VMs, of what they may take; CPU in the busiest part of the week', 'bold')], look),
    ...changed.flatMap(({ before, after }) => [
      barLine(before.host.padEnd(width), 'before', before, look),
      barLine(' '.repeat(width), 'after ', after, look),
    ]),
  ]
}

function barLine(head: string, when: string, fill: Fill, look: Look): string {
  const { memoryBytes, memoryMostBytes, cores, coresMost } = fill
  const share = memoryMostBytes === 0 ? 1 : memoryBytes / memoryMostBytes
  const filled = Math.round(barWidth * Math.min(1, share))
  const isKnown = memoryMostBytes > 0
  const tone = isKnown && memoryBytes > memoryMostBytes ? 'critical' : when === 'before' ? 'plain' : 'good'
  const cpu = cores === undefined || coresMost === undefined ? '' : `  CPU ${Math.round((100 * cores) / coresMost)}%`
  const parts: Span[] = [
    span(`${head}  ${when}  `),
    span('█'.repeat(filled) + '░'.repeat(barWidth - filled), tone),
    span(
      `  ${formatMemory(memoryBytes)} of ${isKnown ? formatMemory(memoryMostBytes) : 'an unknown amount'}${cpu}  ${fill.vms} VMs`,
    ),
  ]
  return line(parts, look)
}

function spanText({ leastMs, mostMs }: PlanView['copies'][number]['duration']): string {
  const [least, most] = [formatDuration(leastMs), formatDuration(mostMs)]
  return least === most ? least : `${least} to ${most}`
}

function basisText({ history, sample, none, countsCpu }: PlanView['basis']): string {
  if (!countsCpu) return 'by memory alone: the cores of a host are not known'
  const parts = [
    history > 0 ? `${history} VMs by 95% of each hour of their last weeks` : undefined,
    sample > 0 ? `${sample} by their last sample, as there is less than a day of them` : undefined,
    none > 0 ? `${none} of unknown load` : undefined,
  ].filter((part) => part !== undefined)
  return `load: ${parts.length === 0 ? 'no VMs' : parts.join('; ')}`
}

/** What happens if a host fails. */
export function renderFailureCard(card: FailureCardView, look: Look): string[] {
  return [
    ...paragraph(card.says, look, 'bold'),
    ...section(
      'Start elsewhere',
      card.restarts,
      [
        { head: 'VM', drop: 0, cell: ({ vm }) => vm },
        { head: 'ON', drop: 0, cell: ({ to }) => to },
        { head: 'MEMORY', align: 'right', drop: 1, cell: ({ memoryBytes }) => formatMemory(memoryBytes) },
      ],
      look,
    ),
    ...section(
      'Lost with it, until their disks are copied back from a backup',
      card.lost,
      [
        { head: 'VM', drop: 0, cell: ({ vm }) => vm },
        { head: 'DISKS', align: 'right', drop: 0, cell: ({ diskBytes }) => formatBytes(diskBytes) },
        { head: 'COPYING TAKES', drop: 0, cell: ({ copy }) => spanText(copy) },
      ],
      look,
    ),
    ...cannotLines(
      card.stranded.map(({ vm, why }) => ({ vm, on: '', why })),
      look,
    ),
    ...notes(
      card.bends.map(({ rule, what }) => `until it is back this gives way (${rule}): ${what}`),
      look,
    ),
  ]
}
