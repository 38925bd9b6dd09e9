import { dashboardOf, dashboardSpecs } from './dashboard.js'
import { servers } from './query.js'

/** Every dashboard as a file, its path from `dashboards/`. */
export function dashboardFiles(): readonly { readonly path: string; readonly text: string }[] {
  return servers.flatMap((server) =>
    dashboardSpecs(server).map((spec) => ({
      path: `${server}/${spec.name}.json`,
      text: `${JSON.stringify(dashboardOf(server, spec), withoutSurplus, 2)}\n`,
    })),
  )
}

/** The SDK gives every variable what only those of intervals have. */
const surplus: ReadonlySet<string> = new Set(['auto', 'auto_min', 'auto_count'])

function withoutSurplus(name: string, value: unknown): unknown {
  return surplus.has(name) ? undefined : value
}
