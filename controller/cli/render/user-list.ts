import type { UserView } from '../../api/views.js'
import { clockTime } from './figures.js'
import { type Look } from './look.js'
import { type Column, renderTable } from './table.js'

export function renderUserList(users: readonly UserView[], look: Look): string[] {
  return users.length === 0 ? ['no users'] : renderTable(users, columns(look), look)
}

function columns({ timeZone }: Look): readonly Column<UserView>[] {
  return [
    { head: 'NAME', drop: 0, shrinkTo: 8, cell: ({ name }) => name },
    { head: 'ROLE', drop: 0, cell: ({ role }) => role },
    { head: 'CHANGED', drop: 1, cell: ({ changedAt }) => clockTime(changedAt, timeZone) },
  ]
}
