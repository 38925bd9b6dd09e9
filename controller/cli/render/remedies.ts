import type { AlertDetailView, CommandView, ProposalView, RemedyView } from '../../api/views.js'
import { clockTime } from './figures.js'
import { line, span, type Look, type Span } from './look.js'
import { section } from './section.js'
import type { Column } from './table.js'

type Remedies = Pick<AlertDetailView, 'proposals' | 'remedies'>

/** What an alert proposes, and what was asked for by it; a line if that is nothing. */
export function renderRemedies(number: number, all: Remedies, look: Look): string[] {
  const rows = remedySections(number, all, look)
  return rows.length > 0
    ? rows.slice(1)
    : [
        line(
          [span(`alert ${number} proposes nothing now that headroom can carry out, and nothing was asked for by it`)],
          look,
        ),
      ]
}

/** Two tables, each after an empty line; nothing where there is nothing. */
export function remedySections(number: number, { proposals, remedies }: Remedies, look: Look): string[] {
  const numbered = proposals.map((proposal, index) => ({ ...proposal, index: index + 1 }))
  return [
    ...section('What headroom can carry out', numbered, proposalColumns(number), look),
    ...section('What was asked for', remedies, remedyColumns(look), look),
  ]
}

function proposalColumns(alert: number): readonly Column<ProposalView & { readonly index: number }>[] {
  return [
    { head: 'N', align: 'right', drop: 0, cell: ({ index }) => String(index) },
    { head: 'WHAT', drop: 0, shrinkTo: 20, wrap: true, cell: ({ text }) => text },
    { head: 'BY', drop: 1, cell: ({ index }) => `headroom alert remedy ${alert} --approve ${index}` },
  ]
}

function remedyColumns({ timeZone }: Look): readonly Column<CommandView>[] {
  return [
    { head: 'COMMAND', align: 'right', drop: 0, cell: ({ number }) => String(number) },
    { head: 'AT', drop: 2, cell: ({ createdAt }) => clockTime(createdAt, timeZone) },
    { head: 'WHAT', drop: 1, shrinkTo: 16, wrap: true, cell: ({ remedy }) => remedy?.text ?? '' },
    { head: 'BY', drop: 3, shrinkTo: 8, cell: byWords },
    { head: 'STATE', drop: 0, cell: ({ state }) => state },
    { head: 'EFFECT', drop: 0, shrinkTo: 20, wrap: true, cell: effectCell },
  ]
}

function byWords({ actor, approval }: CommandView): string {
  return approval?.by === undefined ? actor : `${actor}, ${approval.by}`
}

const tones = { helped: 'good', 'did-not-help': 'warning', unknown: 'plain' } as const
const words = {
  helped: 'helped',
  'did-not-help': 'did not help',
  unknown: 'unknown',
} as const satisfies Record<NonNullable<RemedyView['effect']>['outcome'], string>

function effectCell({ remedy, state, reason }: CommandView): Span | string {
  const effect = remedy?.effect
  if (effect !== undefined) return span(`${words[effect.outcome]}: ${effect.says}`, tones[effect.outcome])
  return state === 'succeeded' ? 'seen 20 s after the limit' : reason
}
