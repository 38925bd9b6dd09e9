import { formatDuration } from '../../../common/units.js'
import type { TokenView } from '../../api/views.js'
import { type Look } from './look.js'
import { type Column, renderTable } from './table.js'

export function renderTokenList(tokens: readonly TokenView[], look: Look): string[] {
  return tokens.length === 0 ? ['no tokens'] : renderTable(tokens, columns(look.now), look)
}

function columns(now: number): readonly Column<TokenView>[] {
  return [
    { head: 'ID', drop: 0, cell: ({ id }) => id },
    { head: 'NAME', drop: 0, shrinkTo: 8, cell: ({ name, ofUser }) => (ofUser ? `${name} (user)` : name) },
    { head: 'ROLE', drop: 0, cell: ({ role }) => role },
    { head: 'ONLY FOR', drop: 0, shrinkTo: 12, wrap: true, cell: ({ scope }) => bounds(scope) },
    {
      head: 'ENDS IN',
      align: 'right',
      drop: 0,
      cell: ({ expiresAt }) => (expiresAt === undefined ? 'never' : formatDuration(Math.max(0, expiresAt - now))),
    },
    { head: 'MADE BY', drop: 2, shrinkTo: 8, cell: ({ createdBy = '' }) => createdBy },
    { head: 'NOTE', drop: 1, shrinkTo: 12, cell: ({ note = '' }) => note },
  ]
}

function bounds({ owner, vms, verbs }: NonNullable<TokenView['scope']> = {}): string {
  return [
    ...(owner === undefined ? [] : [`VMs of ${owner}`]),
    ...(vms === undefined ? [] : [`VMs ${vms.join(', ')}`]),
    ...(verbs === undefined ? [] : [verbs.join(', ')]),
  ].join('; ')
}
