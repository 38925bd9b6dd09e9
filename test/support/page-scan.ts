import { readFileSync } from 'node:fs'

import type { Page } from 'playwright-core'
import { z } from 'zod'

import {
  arrayCacheCharts,
  arrayCharts,
  hostCharts,
  vmCharts,
  type ChartSpec,
} from '../../controller/web/charts/chart-specs.js'
import type { EntityKind } from '../../controller/store/measurements.js'
import type { Capable, Views } from './absence-scan.js'

/**
 * Reads every figure of a view of the page as a person sees it, and looks for those whose metrics their host cannot measure.
 * Which metric a label means is written here by hand; a label that is not known is a problem, so that no figure is left out.
 */

/** One figure: where it stands, its label, its text. */
export interface PageFigure {
  /** `figures`, `chart TITLE` or the caption of a table. */
  readonly place: string
  /** Address of the first link of its row, or else the row's own name. */
  readonly row: string
  readonly label: string
  readonly text: string
}

type Meaning = readonly [kind: EntityKind, ...fields: string[]]
/** `undefined`: no metric that a capability stands for. */
type Labels = Readonly<Record<string, Meaning | undefined>>

const io = (kind: EntityKind): Labels => ({
  Read: [kind, 'readBytesPerSecond'],
  Write: [kind, 'writeBytesPerSecond'],
  Requests: [kind, 'readRequestsPerSecond', 'writeRequestsPerSecond'],
  'Read requests': [kind, 'readRequestsPerSecond'],
  'Write requests': [kind, 'writeRequestsPerSecond'],
  'Read latency': [kind, 'readLatencyMs'],
  'Write latency': [kind, 'writeLatencyMs'],
})

const vmTable: Labels = {
  ...io('vm'),
  VM: undefined,
  Host: undefined,
  State: undefined,
  'CPU cores': ['vm', 'cpuCores'],
  Memory: ['vm', 'memoryBytes', 'memoryMaxBytes'],
}

const nothing = (...labels: readonly string[]): Labels => Object.fromEntries(labels.map((label) => [label, undefined]))

const tables: readonly (readonly [caption: RegExp, labels: Labels])[] = [
  [/^(All VMs|VMs on )/, vmTable],
  [
    /^Who uses the array now/,
    unmeasured({
      Who: undefined,
      Writes: undefined,
      Reads: undefined,
      Requests: undefined,
      'Of all that is written': undefined,
    }),
  ],
  [
    /^Who does more than usual/,
    unmeasured({
      Who: undefined,
      Sure: undefined,
      Began: undefined,
      Writes: undefined,
      Reads: undefined,
      'Of all that is written': undefined,
      'Of requests': undefined,
      'Of what others wait longer': undefined,
    }),
  ],
  [/^Storage arrays/, { ...io('array'), Array: undefined, 'Write cache': undefined, 'VMs on it': undefined }],
  [/^Disks$/, { ...io('disk'), Disk: undefined, Array: undefined, Unit: undefined, Capacity: undefined }],
  [
    /^Network interfaces$/,
    {
      Interface: undefined,
      MAC: undefined,
      Network: undefined,
      Received: ['nic', 'receiveBytesPerSecond'],
      Sent: ['nic', 'transmitBytesPerSecond'],
      'Receive errors': ['nic', 'receiveErrorsPerSecond'],
      'Send errors': ['nic', 'transmitErrorsPerSecond'],
    },
  ],
  [/^File systems$/, { 'Mounted on': undefined, Device: undefined, Used: undefined, 'Inodes used': undefined }],
  [
    /^Agents$/,
    {
      Connection: undefined,
      'Clock off by': undefined,
      'Reports waiting': undefined,
      'Reports dropped': undefined,
      'Ticks skipped': undefined,
      Memory: undefined,
      'Failing collectors': undefined,
    },
  ],
  [/^File systems that did not answer$/, named('Mounted on', 'Device', 'Why')],
  // No capability stands for what is read of the host's own storage: the host says so itself, source by source.
  [/^RAID arrays$/, named('Array', 'Level', 'State', 'In sync', 'Synchronising', 'Size', 'Members')],
  [/^RAID controllers$/, named('Controller', 'Status', 'Battery', 'Model', 'Serial')],
  [/^Drives of RAID controllers$/, named('Drive', 'Kind', 'State', 'More')],
  [
    /^Health of disks$/,
    named(
      'Disk',
      'Says',
      'Pending',
      'Uncorrectable',
      'Reallocated',
      'Media errors',
      'Life used',
      'Spare',
      'Temperature',
    ),
  ],
  [/^Storage pools$/, named('Pool', 'Kind', 'Size', 'Used', 'Metadata used', 'Missing devices')],
  [/^What is read of it$/, named('What', 'State', 'Read', 'Why')],
  // Those of the machine itself depend on no capability.
  // Not there at all where the host cannot tell of them.
  [/^Exported LUNs$/, nothing('Array', 'LUN', 'Read', 'Write', 'In flight', 'Used by', 'Backed by')],
  [/^Busiest processes of the host$/, nothing('Process', 'PID', 'Read', 'Write')],
  [/^Disks of the host$/, { Disk: undefined, Busy: undefined, ...unmeasured(io('disk')) }],
  [
    /^Network interfaces of the host$/,
    { Interface: undefined, Received: undefined, Sent: undefined, Errors: undefined },
  ],
]

const figures: Readonly<Record<'vm' | 'host' | 'array' | 'fleet', Labels>> = {
  vm: {
    ...io('vm'),
    CPU: ['vm', 'cpuCores'],
    Memory: ['vm', 'memoryBytes'],
    'Used by the guest': ['vm', 'memoryGuestUsedBytes'],
    'On the host (RSS)': ['vm', 'memoryRssBytes'],
    'Touched lately': ['vm', 'memoryActiveBytes', 'memoryBalloonedBytes', 'memorySwappedBytes'],
    Latency: ['vm', 'writeLatencyMs', 'readLatencyMs'],
    Network: ['vm', 'receiveBytesPerSecond', 'transmitBytesPerSecond'],
  },
  host: {
    'CPU used': ['host', 'cpuUsedCores'],
    'Memory available': ['host', 'memoryAvailableBytes'],
    VMs: undefined,
    Load: ['host', 'load1'],
    'Up for': ['host', 'uptimeSeconds'],
    'Last report': undefined,
  },
  array: {
    ...io('array'),
    'In flight': ['array', 'inFlight'],
    Size: undefined,
    Hosts: undefined,
    // Worked out by the controller.
    Fill: undefined,
    Capacity: undefined,
    'Comes in': undefined,
    Drains: undefined,
    'Full in': undefined,
    Overflows: undefined,
  },
  fleet: {
    'Hosts up': undefined,
    'VMs running': undefined,
    'Room for new VMs': undefined,
    'Survives a host failure': undefined,
    'CPU of a host': ['host', 'cpuUsedCores'],
    'CPU of VMs of a host': undefined,
    'I/O of a host': undefined,
  },
}

const charts = { vm: vmCharts, host: hostCharts, array: [...arrayCharts, ...arrayCacheCharts] } as const

function named(...labels: readonly string[]): Labels {
  return Object.fromEntries(labels.map((label) => [label, undefined]))
}

function unmeasured(labels: Labels): Labels {
  return Object.fromEntries(Object.keys(labels).map((label) => [label, undefined]))
}

/** Of which thing a view tells. */
export type View = { readonly kind: 'fleet' } | { readonly kind: 'host' | 'vm' | 'array'; readonly id: string }

const pageFigures = z.array(z.object({ place: z.string(), row: z.string(), label: z.string(), text: z.string() }))
const script = readFileSync(new URL('page-figures.browser.js', import.meta.url), 'utf8')

/** All figures that the page shows now. */
export async function figuresOn(page: Page): Promise<readonly PageFigure[]> {
  return pageFigures.parse(await page.evaluate(script))
}

/** Figures that show a number though no host of theirs can measure it, and labels that this file does not know. */
export function pageProblems(view: View, shown: readonly PageFigure[], views: Views, capable: Capable): string[] {
  return shown.flatMap((figure): string[] => {
    const { place, row, label, text } = figure
    const labels = labelsOf(view, place)
    if (labels === undefined || !Object.hasOwn(labels, label))
      return [`the page has an unknown figure ${place}: ${label}`]
    const meaning = labels[label]
    if (meaning === undefined) return []
    const [kind, ...fields] = meaning
    const id = idOf(kind, view, row, views)
    const reasons = fields.map((field) => capable.whyNot(kind, id, field))
    if (reasons.includes(undefined) || !/\d/.test(text)) return []
    return [`the page shows '${text}' as ${place}: ${label} of ${kind}:${id} (${reasons[0]})`]
  })
}

function labelsOf(view: View, place: string): Labels | undefined {
  if (place === 'figures') return figures[view.kind]
  const title = /^chart (.*)$/.exec(place)?.[1]
  if (title === undefined) return tables.find(([caption]) => caption.test(place))?.[1]
  if (view.kind === 'fleet') return undefined
  const spec = charts[view.kind].find((one: ChartSpec) => one.title === title)
  return spec && Object.fromEntries(spec.lines.map(({ label, field }) => [label, [view.kind, field]]))
}

/** The id of the thing that a figure tells of. */
function idOf(kind: EntityKind, view: View, row: string, { hosts }: Views): string {
  const named = decodeURIComponent(/^\/(?:vms|arrays|hosts)\/(.+)$/.exec(row)?.[1] ?? '')
  if (kind === 'host' && named !== '') return hosts.find(({ name }) => name === named)?.id ?? named
  if (named !== '') return named
  const own = view.kind === 'fleet' ? '' : view.id
  return kind === 'disk' || kind === 'nic' ? `${own}/${row}` : own
}
