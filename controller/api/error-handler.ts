import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'

import { errorCode } from '../../common/error-code.js'
import type { Log } from '../../common/log.js'
import { securityHeaders, setSecurityHeaders } from './app.js'
import { ApiError, shown, type ApiErrorCode } from './errors.js'

/** How long a peer may take to read why its connection ends. */
const lastWordMs = 2000

/** Turns whatever a route threw into an error of the registry. What nobody expected is logged and answered as `internal`. */
export function toApiError(error: unknown, request: Pick<FastifyRequest, 'query' | 'params' | 'body'>): ApiError {
  if (error instanceof ApiError) return error
  if (hasZodFastifySchemaValidationErrors(error)) return validationError(error, request)
  const known = fastifyCodes[errorCode(error)]
  if (known !== undefined) return new ApiError(known, messageOf(error), {}, { cause: error })
  if (isClientError(error)) return new ApiError('request-malformed', messageOf(error), {}, { cause: error })
  return new ApiError('internal', 'the controller failed to answer; its log has the details', {}, { cause: error })
}

const fastifyCodes: Readonly<Record<string, ApiErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media-type-unknown',
  FST_ERR_BAD_URL: 'request-malformed',
  FST_ERR_MAX_PARAM_LENGTH: 'path-too-long',
}

type InvalidRequest = Omit<FastifyError, 'validation'> & {
  readonly validation: readonly {
    readonly keyword: string
    readonly instancePath: string
    readonly message?: string
    readonly params: Record<string, unknown>
  }[]
}

/** The first problem of a request that does not fit its schema: which field, what was expected, what stood there. */
function validationError(error: InvalidRequest, request: Pick<FastifyRequest, 'query' | 'params' | 'body'>): ApiError {
  const [issue] = error.validation
  const path = issue?.instancePath.split('/').filter((part) => part !== '') ?? []
  const unknownKeys = issue?.params['keys']
  if (issue?.keyword === 'unrecognized_keys' && Array.isArray(unknownKeys)) {
    const field = [...path, String(unknownKeys[0])].join('.')
    return invalid(field, 'a known parameter', `unknown parameter ${shown(field)}`)
  }
  const part = error.validationContext === 'querystring' ? request.query : request.params
  const value = valueAt(error.validationContext === 'body' ? request.body : part, path)
  return invalid(path.join('.'), expectation(issue), shown(value, path.at(-1)))
}

function invalid(field: string, expected: string, got: string): ApiError {
  const message = `${field === '' ? 'the request' : field}: expected ${expected}, got ${got}`
  return new ApiError('request-invalid', message, { ...(field !== '' && { field }), expected, got })
}

function expectation(issue: InvalidRequest['validation'][number] | undefined): string {
  const values = issue?.params['values']
  if (Array.isArray(values)) return `one of ${values.join(', ')}`
  const type = issue?.params['expected']
  return typeof type === 'string' ? type : (issue?.message ?? 'something else')
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let at = value
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = Reflect.get(at, key)
  }
  return at
}

function isClientError(error: unknown): boolean {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number') return false
  return error.statusCode >= 400 && error.statusCode < 500
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Answers with an error body, and logs what is our own fault. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const apiError = toApiError(error, request)
  if (apiError.status >= 500) {
    log.error({ err: apiError, method: request.method, route: request.routeOptions.url }, 'request failed')
  }
  setSecurityHeaders(reply)
  if (apiError.status === 401) void reply.header('www-authenticate', 'Bearer realm="headroom"')
  // Serialised here: the schema of an answer is not that of an error.
  return reply
    .code(apiError.status)
    .type('application/json; charset=utf-8')
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(apiError.toView())
}

/** Answers what is no HTTP at all, or came too slowly to be, below the level of requests; and ends the connection. */
export function answerBrokenRequest(fault: 'timeout' | 'malformed', socket: Socket): void {
  if (socket.destroyed || !socket.writable) return
  const error =
    fault === 'timeout'
      ? new ApiError('request-timeout', 'the request did not come in time')
      : new ApiError('request-malformed', 'the request is no valid HTTP')
  const body = JSON.stringify(error.toView())
  const headers = Object.entries({
    ...securityHeaders,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  })
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\n${head}\r\n${body}`)
  // A peer that does not read the answer would keep the connection.
  setTimeout(() => socket.destroy(), lastWordMs).unref()
}
