import { capabilityNames } from '../../../common/capabilities.js'
import { groupBy } from '../../../common/group-by.js'
import type { HostView } from '../../api/views.js'
import { line, type Look, paragraph, type Span, span, type Tone } from './look.js'
import { byName } from './order.js'
import { type Column, renderTable } from './table.js'

type Capability = HostView['capabilities'][number]

/** What can be measured where. Hosts that are alike in all of it share one table. */
export function renderCapabilityList(hosts: readonly HostView[], look: Look): string[] {
  if (hosts.length === 0) return ['no hosts: no agent has reported yet']
  const sorted = [...hosts].sort((a, b) => byName(a.name, b.name))
  const alike = groupBy(sorted, (host) => JSON.stringify([kindOf(host), inOrder(host.capabilities)]))
  return [...alike.values()].flatMap((group, index) => [...(index === 0 ? [] : ['']), ...renderGroup(group, look)])
}

function renderGroup(hosts: readonly HostView[], look: Look): string[] {
  const [first] = hosts
  if (first === undefined) return []
  const names = hosts.map(({ name }) => name).join(', ')
  const capabilities = inOrder(first.capabilities)
  return [
    ...paragraph(`${names} (${kindOf(first)})`, look, 'bold'),
    ...(capabilities.length === 0
      ? [line([span('its agent has not said yet what it can measure')], look)]
      : renderTable(capabilities, capabilityColumns, look)),
  ]
}

function kindOf({ kind, simulated }: Pick<HostView, 'kind' | 'simulated'>): string {
  return simulated ? `${kind}, simulated` : kind
}

const tones = { yes: 'good', degraded: 'warning', no: 'dim' } as const satisfies Record<Capability['support'], Tone>

export const capabilityColumns: readonly Column<Capability>[] = [
  { head: 'WHAT', drop: 0, cell: ({ name }) => name },
  { head: 'SUPPORT', drop: 0, cell: ({ support }): Span => span(support, tones[support]) },
  { head: 'WHY', drop: 0, shrinkTo: 20, wrap: true, cell: ({ reason }) => reason },
]

/** One order for all drivers; what this program does not know comes last, by name. */
function inOrder(capabilities: readonly Capability[]): Capability[] {
  const place = new Map<string, number>(capabilityNames.map((name, index) => [name, index]))
  const placeOf = ({ name }: Capability): number => place.get(name) ?? capabilityNames.length
  return capabilities.toSorted((a, b) => placeOf(a) - placeOf(b) || byName(a.name, b.name))
}
