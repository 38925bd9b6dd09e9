import { dashboardOf, dashboardSpecs } from './dashboard.js'
import { servers } from './query.js'

/** Every dashboard as a file, its path from `dashboards/`. */
export function dashboardFiles(): readonly { readonly path: string; readonly text: string }[] {
  return servers.flatMap((server) =>
    dashboardSpecs(server).map((spec) => ({
      path: `${server}/${spec.name}.json`,
      text: `${JSON.stringify(dashboardOf(server, spec), undefined, 2)}\n`,
    })),
  )
}
