import type { Page } from 'playwright-core'

import { groupBy } from '../../common/group-by.js'
import { capacityView, hostView, vmView, type HostView } from '../../controller/api/views.js'
import { arrayPath, fleetPath, hostPath, vmPath } from '../../controller/web/routing/routes.js'
import {
  arrayList,
  Capable,
  capacityProblems,
  hostList,
  seriesProblems,
  topProblems,
  viewProblems,
  vmList,
  type Views,
} from './absence-scan.js'
import type { MixedFleet } from './mixed-fleet.js'
import { figuresOn, pageProblems, type View } from './page-scan.js'

/** Looks at a running fleet for values of what a host cannot measure, in all answers and on all views. */

export async function viewsOf(fleet: Pick<MixedFleet, 'api'>): Promise<Views> {
  const [{ hosts }, { vms }, { arrays }] = await Promise.all([
    fleet.api('/api/v1/hosts').then((answer) => hostList.parse(answer)),
    fleet.api('/api/v1/vms?limit=1000').then((answer) => vmList.parse(answer)),
    fleet.api('/api/v1/arrays').then((answer) => arrayList.parse(answer)),
  ])
  return { hosts, vms, arrays }
}

/** `xen`, or `xen, simulated`: as `FleetMember.shows` has it. */
export function kindOf({ kind, simulated }: Pick<HostView, 'kind' | 'simulated'>): string {
  return simulated ? `${kind}, simulated` : kind
}

/** What is wrong in the API's answers: lists, single ones, series, rankings, capacity. */
export async function answerProblems(fleet: Pick<MixedFleet, 'api'>): Promise<string[]> {
  const views = await viewsOf(fleet)
  const capable = new Capable(views)
  const api = (path: string): Promise<unknown> => fleet.api(path)
  const single = {
    hosts: await Promise.all(views.hosts.map(async ({ id }) => hostView.parse(await api(`/api/v1/hosts/${id}`)))),
    vms: await Promise.all(views.vms.map(async ({ uuid }) => vmView.parse(await api(`/api/v1/vms/${uuid}`)))),
    arrays: [],
  }
  return [
    ...viewProblems('lists', views, capable),
    ...viewProblems('single answers', single, capable),
    ...(await seriesProblems(views, capable, api)),
    ...(await topProblems(capable, api)),
    ...capacityProblems(capacityView.parse(await api('/api/v1/capacity'))),
  ]
}

/**
 * What is wrong on the page: the fleet, one host of each kind that is wanted, a VM that runs there and all of its arrays.
 * @param page logged in
 */
export async function shownProblems(
  fleet: Pick<MixedFleet, 'api' | 'url'>,
  page: Page,
  isWanted: (kind: string) => boolean = () => true,
): Promise<{ readonly problems: readonly string[]; readonly knownFigures: number }> {
  const views = await viewsOf(fleet)
  const capable = new Capable(views)
  const places: (readonly [View, string])[] = [[{ kind: 'fleet' }, fleetPath]]
  for (const [kind, [host]] of groupBy(views.hosts, kindOf)) {
    if (host === undefined || !isWanted(kind)) continue
    places.push([{ kind: 'host', id: host.id }, hostPath(host.name)])
    const vm = views.vms.find((one) => one.hostId === host.id && one.state === 'running')
    if (vm !== undefined) places.push([{ kind: 'vm', id: vm.uuid }, vmPath(vm.uuid)])
    const arrays = views.arrays.filter(({ hosts }) => hosts.includes(host.name))
    places.push(...arrays.map(({ key }) => [{ kind: 'array', id: key }, arrayPath(key)] as const))
  }
  const problems: string[] = []
  const known = new Set<string>()
  for (const [view, path] of places) {
    await page.goto(`${fleet.url}${path}`)
    await page
      .locator(view.kind === 'fleet' ? 'li.host-row' : 'figure.chart td')
      .first()
      .waitFor()
    const shown = await figuresOn(page)
    for (const { place, label, text } of shown) if (/\d/.test(text)) known.add(`${place} ${label}`)
    problems.push(...pageProblems(view, shown, views, capable).map((text) => `${path}: ${text}`))
  }
  return { problems, knownFigures: known.size }
}
