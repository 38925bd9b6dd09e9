/** What Grafana makes of the macros and variables in the text of a query. */
export interface GrafanaMoment {
  readonly fromMs: number
  /** Inclusive. */
  readonly toMs: number
  readonly intervalMs: number
  readonly rateIntervalMs: number
  /** What was chosen of each variable. */
  readonly variables: Readonly<Record<string, string>>
  /** Variables of which all were chosen: their custom value, which is never escaped. */
  readonly all?: Readonly<Record<string, string>>
}

/** For its InfluxDB data source. @throws Error if anything stays unexpanded */
export function influxText(text: string, moment: GrafanaMoment): string {
  const expanded = text
    .replaceAll('$timeFilter', `time >= ${moment.fromMs}ms and time <= ${moment.toMs}ms`)
    .replaceAll('$__interval', duration(moment.intervalMs))
  return withVariables(expanded, moment, (value) => value)
}

/** For its Prometheus data source: what is chosen is escaped for a text in quotes. @throws Error if anything stays unexpanded */
export function prometheusText(text: string, moment: GrafanaMoment): string {
  const expanded = text
    .replaceAll('$__rate_interval', duration(moment.rateIntervalMs))
    .replaceAll('$__interval', duration(moment.intervalMs))
    .replaceAll('$__range', duration(moment.toMs - moment.fromMs))
  return withVariables(expanded, moment, (value) => value.replaceAll(/[\\"]/g, '\\$&'))
}

function withVariables(
  text: string,
  { variables, all = {} }: GrafanaMoment,
  escaped: (value: string) => string,
): string {
  const expanded = text.replaceAll(/\$(?:\{(\w+)(?::(\w+))?\}|(\w+))/g, (whole, braced, format, plain) => {
    const name = String(braced ?? plain)
    const custom = all[name]
    if (custom !== undefined) return custom
    const value = variables[name]
    if (value === undefined) throw new Error(`${whole} in ${text}`)
    if (format === 'regex') return value.replaceAll(/[-/\\^$*+?.()|[\]{}]/g, '\\$&')
    if (format !== undefined) throw new Error(`format of ${whole} in ${text}`)
    return escaped(value)
  })
  return expanded
}

function duration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}
