import { z } from 'zod'

import type { Page } from '../cursor.js'
import { count } from '../moment.js'

/** Parameters of every list. */
export const listQuery = {
  limit: count(5000).prefault('500'),
  cursor: z.string().max(2000).describe('nextCursor of the page before').optional(),
}

export const nextCursor = z.string().optional().describe('there is more: give it as cursor')

/** A page as it is answered, under the list's name. */
export function pageAnswer<Name extends string, T>(
  name: Name,
  page: Page<T>,
): Record<Name, T[]> & { nextCursor?: string } {
  const answer = { [name]: [...page.items], ...(page.nextCursor !== undefined && { nextCursor: page.nextCursor }) }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a computed key loses its literal type.
  return answer as Record<Name, T[]> & { nextCursor?: string }
}
