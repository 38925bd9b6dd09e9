import { z } from 'zod'

import type { AlertDesk } from '../../alerts/desk/alert-desk.js'
import type { FleetEvent } from '../../model/snapshot.js'
import type { TimeSeries } from '../../store/time-series.js'
import { whyVm } from '../../why/why-vm.js'
import type { ApiApp } from '../app.js'
import type { FleetViews } from '../fleet-views.js'
import { findByIdOrName } from '../lookup.js'
import { withDeadline } from '../store-call.js'
import { given } from '../to-view/metrics-view.js'
import { whyView, type WhyView } from '../views.js'
import { answers } from './answers.js'

interface WhyRouteOptions {
  readonly views: FleetViews
  readonly alerts: Pick<AlertDesk, 'alerts' | 'silences'>
  readonly store: Pick<TimeSeries, 'events'>
  readonly now: () => number
}

const mostReasons = 200
const ofLateMs = 7 * 86_400_000
const mostEventsOfVm = 10
const mostEventsOfHost = 5
/** Events of a host that are looked through for those of the host itself. */
const mostLookedAt = 200
/** Somebody waits for the rest, which needs no store. */
const eventsDeadlineMs = 3000

export function addWhyRoute(app: ApiApp, { views, alerts, store, now }: WhyRouteOptions): void {
  app.get(
    '/api/v1/vms/:id/why',
    {
      schema: {
        summary: 'Everything known that bears on one VM, the weightiest first',
        params: z.strictObject({ id: z.string() }),
        response: answers(whyView),
      },
    },
    async (request): Promise<WhyView> => {
      const { uuid, hostId } = findByIdOrName('VM', 'vm-unknown', views.current().vms, request.params.id)
      const events = await eventsOf(store, uuid, hostId, now())
      // After the wait: a view and a snapshot of one moment.
      const { vms, snapshot, policy, findings, capacity } = views.current()
      const view = findByIdOrName('VM', 'vm-unknown', vms, uuid)
      const vm = snapshot.vms.get(uuid)
      const known = {
        snapshot,
        policy,
        findings,
        capacity,
        alerts: alerts.alerts,
        silences: alerts.silences(),
        events,
      }
      const reasons = vm === undefined ? [] : whyVm(vm, known)
      const leftOut = reasons.length - mostReasons
      return {
        at: snapshot.at,
        uuid,
        name: view.name,
        host: view.host,
        state: view.state,
        simulated: view.simulated,
        reasons: reasons
          .slice(0, mostReasons)
          .map(({ subject, ...rest }) => given({ ...rest, subject: { ...subject } })),
        ...(leftOut > 0 && { leftOut }),
      }
    },
  )
}

/** Those of the VM and those of the host itself; undefined if the store does not answer. */
async function eventsOf(
  store: Pick<TimeSeries, 'events'>,
  vmUuid: string,
  hostId: string,
  now: number,
): Promise<readonly FleetEvent[] | undefined> {
  const late = { fromMs: now - ofLateMs, toMs: now + 60_000 }
  try {
    const [ofVm, onHost] = await withDeadline(
      Promise.all([
        store.events({ ...late, vmUuid, limit: mostEventsOfVm }),
        store.events({ ...late, hostId, limit: mostLookedAt }),
      ]),
      eventsDeadlineMs,
    )
    return [...ofVm, ...onHost.filter((event) => event.vmUuid === '').slice(0, mostEventsOfHost)]
  } catch {
    return undefined
  }
}
