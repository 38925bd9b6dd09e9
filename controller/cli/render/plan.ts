import { line, span, type Look } from './look.js'
import { notes } from './notes.js'
import { renderTable } from './table.js'

/** A plan as it is printed for programs; scores are rounded to 8 digits, as `hbal` prints its own. */
export interface PlanView {
  readonly scoreBefore: number
  readonly scoreAfter: number
  readonly moves: readonly { readonly vm: string; readonly from: string; readonly to: string }[]
  readonly placement: Readonly<Record<string, string>>
  /** VMs that no plan moves, by reason. */
  readonly cannot: readonly { readonly rule: string; readonly reason: string; readonly vms: readonly string[] }[]
  /** What rules find when the plan is done, and why no move changes that; of a file that has rules. */
  readonly remains: readonly { readonly rule: string; readonly reason: string; readonly of: readonly string[] }[]
  /** More would be gained with more moves than were allowed. */
  readonly capped: boolean
  /** Of the whole program. */
  readonly cpuSeconds: number
}

export function renderPlan(plan: PlanView, look: Look): string[] {
  const { moves, scoreBefore, scoreAfter, cannot, remains, capped } = plan
  const numbered = moves.map((move, at) => ({ ...move, number: at + 1 }))
  return [
    ...(moves.length === 0
      ? ['nothing to move: no plan gains enough']
      : renderTable(
          numbered,
          [
            { head: '#', align: 'right', drop: 1, cell: ({ number }) => String(number) },
            { head: 'VM', drop: 0, shrinkTo: 12, cell: ({ vm }) => vm },
            { head: 'FROM', drop: 0, shrinkTo: 12, cell: ({ from }) => from },
            { head: 'TO', drop: 0, shrinkTo: 12, cell: ({ to }) => to },
          ],
          look,
        )),
    '',
    line([span('Before  '), span(bar(scoreBefore, scoreBefore), 'warning'), span(`  ${scoreBefore.toFixed(4)}`)], look),
    line(
      [span('After   '), span(bar(scoreAfter, scoreBefore), 'good'), span(`  ${scoreAfter.toFixed(4)}`, 'bold')],
      look,
    ),
    ...notes(
      [
        capped ? 'the number of moves was limited: with more of them more may be gained' : undefined,
        ...cannot.map(({ rule, reason, vms }) => `${vms.length} of the VMs cannot move (${rule}): ${reason}`),
        ...remains.map(({ rule, reason, of }) => `${rule} remains (${of.join(', ')}): ${reason}`),
      ],
      look,
    ),
  ]
}

const barWidth = 30

function bar(value: number, whole: number): string {
  const filled = whole <= 0 ? 0 : Math.round((barWidth * Math.min(value, whole)) / whole)
  return '█'.repeat(filled) + '░'.repeat(barWidth - filled)
}
