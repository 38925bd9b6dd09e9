import { z } from 'zod'

import type { ApiApp } from '../app.js'
import { pageOf } from '../cursor.js'
import type { FleetViews } from '../fleet-views.js'
import { findByIdOrName } from '../lookup.js'
import { arrayView } from '../views.js'
import { listQuery, nextCursor, pageAnswer } from './list-query.js'
import { answers } from './answers.js'

const query = z.strictObject({
  ...listQuery,
  host: z.string().max(300).describe('name of a host that uses it').optional(),
})

export function addArrayRoutes(app: ApiApp, views: FleetViews): void {
  app.get(
    '/api/v1/arrays',
    {
      schema: {
        summary: 'Storage arrays by name',
        querystring: query,
        response: answers(z.object({ arrays: z.array(arrayView), nextCursor })),
      },
    },
    (request) => {
      const { host } = request.query
      const arrays = [...views.current().arrays.values()].filter(
        ({ hosts }) => host === undefined || hosts.includes(host),
      )
      return pageAnswer(
        'arrays',
        pageOf(arrays, ({ name, key }) => [name, key], request.query),
      )
    },
  )
  app.get(
    '/api/v1/arrays/:key',
    {
      schema: {
        summary: 'One array by its key or name, with what its write cache does',
        params: z.strictObject({ key: z.string() }),
        response: answers(arrayView),
      },
    },
    (request) => findByIdOrName('array', 'array-unknown', views.current().arrays, request.params.key),
  )
}
