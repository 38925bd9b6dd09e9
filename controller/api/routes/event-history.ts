import { z } from 'zod'

import type { FleetEvent } from '../../model/snapshot.js'
import type { TimeSeries } from '../../store/time-series.js'
import type { ApiApp } from '../app.js'
import { decodeCursor, encodeCursor } from '../cursor.js'
import type { FleetViews } from '../fleet-views.js'
import { findByIdOrName } from '../lookup.js'
import { count, moment, resolveMoment } from '../moment.js'
import { storeQuery } from '../store-call.js'
import { eventView as toView } from '../to-view/event-view.js'
import { eventView } from '../views.js'
import { nextCursor } from './list-query.js'
import { answers } from './answers.js'

interface EventHistoryOptions {
  readonly views: FleetViews
  readonly store: Pick<TimeSeries, 'events'>
  readonly now: () => number
}

/** Hosts' clocks may run ahead: without `to` their events are not cut off. */
const endOfTime = 8.64e15

const query = z.strictObject({
  from: moment.optional(),
  to: moment.describe('exclusive').optional(),
  vm: z.string().max(300).describe('UUID or name').optional(),
  host: z.string().max(300).describe('id or name').optional(),
  limit: count(1000).prefault('100'),
  cursor: z.string().max(200).describe('nextCursor of the page before').optional(),
})

/** Where a page ended: the moment of its last event, and how many events of that moment were answered so far. */
type Position = readonly [atMs: number, answered: number]

export function addEventHistoryRoute(app: ApiApp, { views, store, now }: EventHistoryOptions): void {
  app.get(
    '/api/v1/events/history',
    {
      schema: {
        summary: 'What happened, newest first',
        querystring: query,
        response: answers(z.object({ events: z.array(eventView), nextCursor })),
      },
    },
    async ({ query: { from, to, vm, host, limit, cursor } }) => {
      const current = views.current()
      const position = cursor === undefined ? undefined : decodeCursor(cursor, isPosition)
      const answered = position?.[1] ?? 0
      const filter = {
        fromMs: from === undefined ? 0 : resolveMoment(from, now()),
        toMs: position === undefined ? (to === undefined ? endOfTime : resolveMoment(to, now())) : position[0] + 1,
        ...(vm !== undefined && { vmUuid: idOf(vm, current.vms, ({ uuid }) => uuid, 'VM') }),
        ...(host !== undefined && { hostId: idOf(host, current.hosts, ({ id }) => id, 'host') }),
      }
      const found = await storeQuery(store.events({ ...filter, limit: answered + limit + 1 }))
      const rest = found.slice(answered)
      const events = rest.slice(0, limit)
      return {
        events: events.map((event) => toView(event, current.snapshot.hosts)),
        ...(rest.length > limit && { nextCursor: encodeCursor(positionAfter(events, position)) }),
      }
    },
  )
}

function positionAfter(events: readonly FleetEvent[], before: Position | undefined): Position {
  const at = events.at(-1)?.at ?? 0
  const here = events.filter((event) => event.at === at).length
  return [at, here + (before?.[0] === at ? before[1] : 0)]
}

function isPosition(value: unknown): value is Position {
  if (!Array.isArray(value) || value.length !== 2) return false
  const [at, answered]: unknown[] = value
  return isCount(at, endOfTime) && isCount(answered, 100_000)
}

function isCount(value: unknown, most: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most
}

/** Names stand for what has them now; any other text is taken as the id of something that is gone. */
function idOf<T extends { readonly name: string }>(
  text: string,
  entities: ReadonlyMap<string, T>,
  id: (entity: T) => string,
  what: 'VM' | 'host',
): string {
  const known = entities.has(text) || [...entities.values()].some(({ name }) => name === text)
  return known ? id(findByIdOrName(what, what === 'VM' ? 'vm-unknown' : 'host-unknown', entities, text)) : text
}
