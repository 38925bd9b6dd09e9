import { formatDuration } from '../../../common/units.js'
import type { JoinTokenView } from '../../api/views.js'
import type { Look } from './look.js'
import { type Column, renderTable } from './table.js'

/** The table of `agent join-token list`, the first to end first. */
export function renderJoinTokenList(tokens: readonly JoinTokenView[], look: Look): string[] {
  return tokens.length === 0 ? ['no join token waits to be used'] : renderTable(tokens, columns(look.now), look)
}

function columns(now: number): readonly Column<JoinTokenView>[] {
  return [
    { head: 'ID', drop: 0, cell: ({ id }) => id },
    { head: 'ENDS IN', align: 'right', drop: 0, cell: ({ expiresAt }) => formatDuration(Math.max(0, expiresAt - now)) },
    {
      head: 'HOSTS',
      drop: 0,
      shrinkTo: 12,
      cell: ({ hosts }) => (hosts.length === 0 ? 'any that no agent has' : hosts.join(', ')),
    },
    { head: 'NOTE', drop: 1, shrinkTo: 12, cell: ({ note }) => note },
  ]
}
