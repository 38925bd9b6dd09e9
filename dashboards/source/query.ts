import type { EntityKind, FieldOf, measurements } from '../../controller/store/measurements.js'

/** Servers that dashboards are made for. */
export const servers = ['influxdb', 'victoriametrics'] as const
export type Server = (typeof servers)[number]

/** Tags and labels of a kind. */
export type NameOf<Kind extends EntityKind> = (typeof measurements)[Kind]['tags' | 'labels'][number]

/** Variables of dashboards; of `hosts` several may be chosen, of the others one. */
export type VariableName = 'host' | 'hosts' | 'vm' | 'array'

/**
 * What a panel asks, in no server's language: first the figure of each entity in each step, then these figures of all entities together
 * that have the same `by`.
 */
export interface QueryOf<Kind extends EntityKind> {
  readonly kind: Kind
  readonly field: FieldOf<Kind>
  /** Taken from the field. */
  readonly minus?: FieldOf<Kind>
  /** The dashboard's reserve is taken from it too. */
  readonly lessReserve?: true
  /** What the field is divided by. */
  readonly over?: FieldOf<Kind>
  /** Of an entity in a step; of its values `count` says how many there are. `mean` if absent. */
  readonly figure?: Figure
  /** Of the entities of one series; `count` says how many have a figure. `sum` if absent. */
  readonly across?: Across
  /** A series for each value of these. */
  readonly by: readonly NameOf<Kind>[]
  /** Only entities whose name is the one that was chosen. */
  readonly where?: Readonly<Partial<Record<NameOf<Kind>, VariableName>>>
  /** Roll-ups of an hour, which reach back years, in place of points. Their entities have no labels in InfluxDB. */
  readonly tier?: '1h'
  /** `{name}` is the value of a name in `by`. */
  readonly legend: string
}

export type Figure = 'mean' | 'max' | 'last' | 'count'
export type Across = 'sum' | 'min' | 'max' | 'count'

export type Query = { [Kind in EntityKind]: QueryOf<Kind> }[EntityKind]

/** The entities with the greatest figure over the whole time; they are told by tags and `by`. */
export const rankedEntities = 10

/** `{db="$database"}` of every series that the controller wrote. */
export const databaseVariable = 'database'
export const datasourceVariable = 'datasource'
export const reserveVariable = 'reserveMiB'
