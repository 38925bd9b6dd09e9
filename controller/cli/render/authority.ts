import type { AuthorityView, FinishedRotationView } from '../../api/views.js'
import { clockTime } from './figures.js'
import { line, type Look, paragraph, span } from './look.js'
import { section } from './section.js'
import { type Column, renderPairs } from './table.js'

type NotRenewed = FinishedRotationView['leftBehind'][number]

/** The authority, and who has not followed its rotation. */
export function renderAuthority({ keyHash, endsAt, rotation }: AuthorityView, look: Look): string[] {
  const lines = renderPairs(
    [
      ['Key', keyHash],
      ['Ends', clockTime(endsAt, look.timeZone)],
      ['Rotation', rotation === undefined ? 'none' : `since ${clockTime(rotation.startedAt, look.timeZone)}`],
      ['Former trusted', rotation && `until ${clockTime(rotation.overlapEndsAt, look.timeZone)}`],
    ],
    look,
  )
  if (rotation === undefined) return lines
  const { notRenewed } = rotation
  if (notRenewed.length > 0) return [...lines, ...section('Agents that have not renewed', notRenewed, columns, look)]
  return [...lines, '', ...paragraph('every agent has renewed: headroom ca rotate --finish ends the rotation', look)]
}

export function renderFinishedRotation({ leftBehind }: FinishedRotationView, look: Look): string[] {
  return [
    line([span('the former certificate authority is trusted no more')], look),
    ...section('Agents that must join anew', leftBehind, columns, look),
  ]
}

const columns: readonly Column<NotRenewed>[] = [
  { head: 'AGENT', drop: 0, shrinkTo: 16, cell: ({ name }) => name },
  { head: 'STATUS', drop: 0, cell: ({ connected }) => (connected ? 'connected' : span('away', 'warning')) },
  { head: 'ID', drop: 1, cell: ({ id }) => id },
]
