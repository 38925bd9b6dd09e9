import type { z } from 'zod'

import { errorView } from '../views.js'

/** What a route may answer, for OpenAPI: the view, or an error of the registry. */
export function answers<Schema extends z.ZodType>(
  view: Schema,
): { 200: Schema; '4xx': typeof errorView; '5xx': typeof errorView } {
  return { 200: view, '4xx': errorView, '5xx': errorView }
}
