import type { ArrayView, TopView, VmView } from '../../api/views.js'
import { blamedName, fillPercent } from './array-glance.js'
import { cacheState } from './array-detail.js'
import { clockTime, cores, figure, latency, memory, perSecond, rate, sum } from './figures.js'
import { line, type Look, type Span, span } from './look.js'
import { notes, simulatedNote, staleNote } from './notes.js'
import { type Column, renderTable } from './table.js'
import { vmState, vmTone } from './vm-list.js'

/** Orders of `top`: what each is called, how it is written and which key chooses it. */
export const topOrders = {
  cpu: { title: 'CPU', key: 'c', format: cores },
  memory: { title: 'memory', key: 'm', format: memory },
  write: { title: 'bytes written', key: 'w', format: rate },
  read: { title: 'bytes read', key: 'r', format: rate },
  requests: { title: 'requests', key: 's', format: perSecond },
  latency: { title: 'latency', key: 'l', format: latency },
} as const

export type TopOrder = keyof typeof topOrders

const orders = ['cpu', 'memory', 'write', 'read', 'requests', 'latency'] as const satisfies readonly TopOrder[]

/** The order that a name means. */
export function topOrderOf(name: string): TopOrder | undefined {
  return orders.find((order) => order === name)
}

/** The order that a key chooses. */
export function topOrderOfKey(key: string): TopOrder | undefined {
  return orders.find((order) => topOrders[order].key === key)
}

/** The list and what else is known of the VMs in it, by UUID; one that went meanwhile is missing. */
export interface TopData {
  readonly top: TopView
  readonly vms: ReadonlyMap<string, VmView>
  /** Of which the VMs are. */
  readonly array?: ArrayView | undefined
}

interface Row {
  readonly uuid: string
  readonly name: string
  readonly host: string
  readonly value: number
  readonly vm: VmView | undefined
}

/** One frame of `top`. `live` adds the keys. */
export function renderTop({ top, vms, array }: TopData, look: Look, live: boolean): string[] {
  const order = topOrderOf(top.by)
  const rows = top.rows.map((row): Row => ({ ...row, vm: vms.get(row.uuid) }))
  const known = rows.flatMap(({ vm }) => (vm === undefined ? [] : [vm]))
  const title = order === undefined ? top.by : topOrders[order].title
  return [
    line(
      [
        span(array === undefined ? 'VMs by ' : `VMs on ${array.name} by `),
        span(title, 'bold'),
        span(rows.length === 0 ? '' : `, ${clockTime(top.at, look.timeZone)}`, 'dim'),
        // Not only under the table: on a low screen that may be cut.
        span(known.some(({ simulated }) => simulated) ? ', simulated' : '', 'warning'),
      ],
      look,
    ),
    ...(array === undefined ? [] : [line(arrayGlance(array), look)]),
    ...(live ? [keyLine(order, look)] : []),
    '',
    ...(rows.length === 0
      ? [line([span(`no VM has a figure for ${title} yet`)], look)]
      : renderTable(rows, columns(order), look, ({ vm }) => (vm === undefined ? 'plain' : vmTone(vm)))),
    ...notes([simulatedNote(known, 'VMs'), staleNote(known.filter(({ stale }) => stale).length)], look),
  ]
}

/** What the array does, in a line: more is told by `array show`. */
function arrayGlance({ name, cache }: ArrayView): Span[] {
  if (cache === undefined) return [span(name, 'bold'), span(': its write cache is not watched', 'dim')]
  const blamed = blamedName(cache)
  return [
    span(name, 'bold'),
    span(': '),
    cacheState(cache),
    span(
      `, fill ${fillPercent(cache)}; ${rate(cache.inflowBytesPerSecond)} in, ${rate(cache.drainBytesPerSecond.likely)} drain`,
    ),
    ...(blamed === '' ? [] : [span('; blamed: '), typeof blamed === 'string' ? span(blamed) : blamed]),
  ]
}

function keyLine(chosen: TopOrder | undefined, look: Look): string {
  const keys = orders.flatMap((order): Span[] => [
    span(topOrders[order].key, 'bold'),
    span(` ${order}  `, order === chosen ? 'reverse' : 'dim'),
  ])
  return line([...keys, span('q', 'bold'), span(' quit', 'dim')], look)
}

function columns(order: TopOrder | undefined): readonly Column<Row>[] {
  return [
    { head: 'NAME', drop: 0, shrinkTo: 14, cell: ({ name }) => name },
    { head: 'HOST', drop: 7, shrinkTo: 10, cell: ({ host }) => host },
    ...(order === undefined
      ? [{ head: 'VALUE', align: 'right' as const, drop: 0, cell: ({ value }: Row) => figure(value, String) }]
      : []),
    figureColumn('CPU', 'cpu', order, 2, cores, (vm) => vm.cpuCores),
    figureColumn('MEMORY', 'memory', order, 3, memory, (vm) => vm.memoryBytes),
    figureColumn('READ', 'read', order, 4, rate, (vm) => vm.readBytesPerSecond),
    figureColumn('WRITE', 'write', order, 1, rate, (vm) => vm.writeBytesPerSecond),
    figureColumn('REQUESTS', 'requests', order, 5, perSecond, (vm) =>
      sum(vm.readRequestsPerSecond, vm.writeRequestsPerSecond),
    ),
    figureColumn('LATENCY', 'latency', order, 6, latency, (vm) => vm.writeLatencyMs ?? vm.readLatencyMs),
    { head: 'STATE', drop: 8, cell: ({ vm }) => (vm === undefined ? '' : vmState(vm)) },
  ]
}

/** The column by which the list is ordered shows the value that ordered it and stays where the terminal is narrow. */
function figureColumn(
  title: string,
  shows: TopOrder,
  order: TopOrder | undefined,
  drop: number,
  format: (value: number | undefined) => string,
  of: (vm: VmView) => number | undefined,
): Column<Row> {
  const chosen = shows === order
  return {
    head: chosen ? `▾ ${title}` : title,
    align: 'right',
    drop: chosen ? 0 : drop,
    cell: ({ value, vm }) => {
      const text = format(chosen ? value : vm === undefined ? undefined : of(vm))
      return chosen ? span(text, 'bold') : text
    },
  }
}
