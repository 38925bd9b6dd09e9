import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'

/** A query of Grafana's InfluxDB data source in InfluxQL, as text; the SDK has no type for it. */
export interface InfluxDataquery extends Dataquery {
  readonly refId: string
  readonly datasource: { readonly type: 'influxdb'; readonly uid: string }
  readonly query: string
  readonly rawQuery: true
  readonly resultFormat: 'time_series' | 'table'
  /** Names a series: `$tag_NAME`. */
  readonly alias?: string
  /** Only of annotations: which columns are what. */
  readonly fromAnnotations?: true
  readonly textColumn?: string
  readonly tagsColumn?: string
}

export class InfluxQueryBuilder implements Builder<Dataquery> {
  constructor(private readonly query: Omit<InfluxDataquery, '_implementsDataqueryVariant' | 'rawQuery'>) {}

  build(): InfluxDataquery {
    // The SDK marks its queries with a method, which is not part of the JSON.
    return { ...this.query, rawQuery: true, _implementsDataqueryVariant: () => undefined }
  }
}
