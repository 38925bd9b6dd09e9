import { formatDuration, formatMoment } from '../../../common/units.js'
import type { KeptPlanView, PlanDigestView } from '../../api/plan-views.js'
import { line, type Look, type Span, span, type Tone } from './look.js'
import { notes } from './notes.js'
import { renderTable } from './table.js'

const tones: Readonly<Record<KeptPlanView['state'], Tone>> = {
  proposed: 'bold',
  applying: 'warning',
  stopped: 'critical',
  done: 'good',
  cancelled: 'dim',
}

/** Plans that are kept. */
export function renderKeptPlans(plans: readonly KeptPlanView[], look: Look): string[] {
  if (plans.length === 0) return ['no plans are kept: `headroom plan rebalance --keep` keeps one']
  return renderTable(
    plans,
    [
      { head: 'PLAN', align: 'right', drop: 0, cell: ({ number }) => String(number) },
      { head: 'STATE', drop: 0, cell: ({ state }) => span(state, tones[state]) },
      { head: 'DONE', drop: 1, cell: doneOf },
      { head: 'KIND', drop: 2, cell: ({ kind, subject }) => `${kind} ${subject}`.trim() },
      { head: 'BY', drop: 3, cell: ({ createdBy, automatic }) => (automatic ? 'policy' : createdBy) },
      { head: 'MADE', drop: 4, cell: ({ createdAt }) => formatMoment(createdAt) },
      { head: 'SAYS', drop: 1, wrap: true, cell: ({ says, reason }) => (reason === '' ? says : reason) },
    ],
    look,
  )
}

function doneOf({ moves }: KeptPlanView): string {
  return `${moves.filter(({ state }) => state === 'done').length} of ${moves.length}`
}

/** One plan, its moves as they were foretold and as they came. */
export function renderKeptPlan(plan: KeptPlanView, look: Look): string[] {
  const { number, state, reason, moves } = plan
  const hint: Readonly<Record<KeptPlanView['state'], string | undefined>> = {
    proposed: `\`headroom plan apply ${number}\` lets it go on`,
    applying: `\`headroom plan stop ${number}\` stops it after the move that is under way`,
    stopped: `\`headroom plan apply ${number}\` resumes it`,
    done: undefined,
    cancelled: undefined,
  }
  return [
    line([span(`Plan ${number} is `), span(state, tones[state]), span(reason === '' ? '' : `: ${reason}`)], look),
    '',
    ...renderTable(
      moves.map((move, at) => ({ ...move, at: at + 1 })),
      [
        { head: '#', align: 'right', drop: 1, cell: ({ at }) => String(at) },
        { head: 'VM', drop: 0, shrinkTo: 12, cell: ({ vm }) => vm },
        { head: 'FROM', drop: 0, shrinkTo: 10, cell: ({ from }) => from },
        { head: 'TO', drop: 0, shrinkTo: 10, cell: ({ to }) => to },
        { head: 'IS', drop: 0, cell: stateText },
        { head: 'COMMAND', align: 'right', drop: 3, cell: ({ commandNumber }) => String(commandNumber ?? '') },
        {
          head: 'FORETOLD',
          drop: 2,
          cell: ({ times }) => `${formatDuration(times.duration.leastMs)} to ${formatDuration(times.duration.mostMs)}`,
        },
        {
          head: 'TOOK',
          drop: 2,
          cell: ({ observed }) =>
            observed === undefined ? '' : span(formatDuration(observed.durationMs), observed.hit ? 'good' : 'warning'),
        },
        { head: 'WHY', drop: 4, wrap: true, cell: ({ reason: why }) => why },
      ],
      look,
    ),
    ...notes(
      [
        hint[state],
        ...moves
          .filter(({ state: one }) => one === 'by-person')
          .map(({ vm, note }) => `waits for a person, ${vm}: ${note}`),
      ],
      look,
    ),
  ]
}

function stateText({ state }: KeptPlanView['moves'][number]): Span {
  return state === 'done' ? span('done', 'good') : state === 'waiting' ? span('waiting') : span(state, 'warning')
}

/** What plans would have done, week by week. */
export function renderPlanDigest({ at, says, why, hits, weeks }: PlanDigestView, look: Look): string[] {
  if (at === 0) return ['there was no look yet: the first is 15 minutes after the start']
  const most = (moves: Readonly<Record<string, number>>): string =>
    Object.entries(moves)
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, 5)
      .map(([move, count]) => `${move.replace(' ', ' to ')} (${count})`)
      .join(', ')
  return [
    ...renderTable(
      weeks,
      [
        { head: 'WEEK FROM', drop: 0, cell: ({ from }) => formatMoment(from).slice(0, 10) },
        { head: 'LOOKS', align: 'right', drop: 1, cell: ({ looks }) => String(looks) },
        { head: 'WITH MOVES', align: 'right', drop: 0, cell: ({ withMoves }) => String(withMoves) },
        { head: 'MOST OFTEN', drop: 0, wrap: true, cell: ({ moves }) => most(moves) },
      ],
      look,
    ),
    ...notes(
      [
        `last look at ${formatMoment(at)}: ${says}`,
        why === '' ? undefined : `nothing is moved without a person: ${why}`,
        hits.moves === 0
          ? undefined
          : `${Math.round(hits.rate * hits.moves)} of the last ${hits.moves} moves came as foretold`,
      ],
      look,
    ),
  ]
}
