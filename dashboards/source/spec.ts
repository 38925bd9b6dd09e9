import type { Query, VariableName } from './query.js'

/** Of a panel's figures, as Grafana names it. */
export type Unit = 'bytes' | 'Bps' | 'iops' | 'ms' | 's' | 'percentunit' | 'short' | 'cps'

export interface PanelSpec {
  readonly title: string
  /** What it shows, and what it means where nothing is shown. */
  readonly description: string
  readonly unit: Unit
  readonly shows:
    | { readonly as: 'lines' | 'stacked lines' | 'number'; readonly queries: readonly Query[] }
    | { readonly as: 'ranking'; readonly queries: readonly [Query] }
    /** Of the programs' own `/metrics`, in PromQL. */
    | { readonly as: 'lines' | 'number'; readonly metrics: readonly MetricQuery[] }
  /** In units of which a row has 24; 12 if absent, 6 of a number. */
  readonly width?: number
}

export interface MetricQuery {
  readonly expression: string
  readonly legend: string
}

export interface RowSpec {
  readonly title: string
  readonly panels: readonly PanelSpec[]
}

export interface DashboardSpec {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly variables: readonly VariableName[]
  /** The variable that says which part of the policy's figures is kept free. */
  readonly hasReserve?: true
  /** How far it reaches back when it is opened. */
  readonly from: string
  /** Events of these are marked; absent: none are. */
  readonly events?: Readonly<Record<string, VariableName>>
  readonly rows: readonly RowSpec[]
}
