import type { FastifyRequest } from 'fastify'

import type { LimitedAudit } from '../audit/limited-audit.js'
import { toApiError } from './error-handler.js'
import type { ApiError } from './errors.js'
import { isSafe } from './guard.js'

const longestReason = 300

/**
 * Writes down what was refused, before it is answered: a wrong token; what somebody who is known may not; and every request to change something
 * that was none. Logins say so themselves.
 */
export async function noteRefused(
  error: unknown,
  request: FastifyRequest,
  audit: LimitedAudit,
  now: number,
): Promise<void> {
  const found = toApiError(error, request)
  const { caller, method } = request
  if (!isRefusal(found, request)) return
  const { code, message } = found
  const route = request.is404 ? undefined : request.routeOptions.url
  const reason = `${code}: ${message}`.slice(0, longestReason)
  const what = { event: 'request-refused', actor: caller?.name, address: request.ip, method, route, reason }
  await audit.note(caller === undefined ? 'stranger' : `refused ${caller.name}`, what, now)
}

function isRefusal({ status, code }: ApiError, { caller, method, headers, routeOptions }: FastifyRequest): boolean {
  if (code === 'forbidden' || code === 'cross-site') return true
  if (routeOptions.url === '/login' || status >= 500) return false
  if (caller !== undefined) return !isSafe(method)
  return headers.authorization !== undefined && (status === 401 || status === 429)
}
