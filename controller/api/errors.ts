import type { ErrorView } from './views.js'

/** Every error that the API answers: a stable code, its HTTP status, and when it comes. Codes are public: add, never rename or reuse. docs/api.md lists them. */
export const apiErrors = {
  'request-invalid': { status: 400, when: 'a parameter or the body is not as documented' },
  'request-malformed': { status: 400, when: 'the request could not be read: bad HTTP, bad URL or bad JSON' },
  'cursor-invalid': { status: 400, when: '`cursor` is not one that this list gave out' },
  'field-unknown': { status: 400, when: 'no such metric for that kind of entity' },
  'range-too-long': {
    status: 400,
    when: 'the answer would have too many rows: a wider step or a shorter range is needed',
  },
  unauthenticated: { status: 401, when: 'no valid token or session' },
  'login-key-invalid': { status: 401, when: 'the login link, token, name or password is wrong, used or expired' },
  'password-wrong': { status: 403, when: 'the old password is wrong' },
  forbidden: { status: 403, when: 'the role of who asks, or the bounds of the token, do not allow it' },
  'cross-site': { status: 403, when: 'a request that changes something came from another site’s page' },
  'host-name-refused': { status: 421, when: 'the Host header names a machine other than this one (DNS rebinding)' },
  'route-unknown': { status: 404, when: 'no such route' },
  'host-unknown': { status: 404, when: 'no host of that id or name' },
  'vm-unknown': { status: 404, when: 'no VM of that uuid or name' },
  'array-unknown': { status: 404, when: 'no array of that key or name' },
  'agent-unknown': { status: 404, when: 'no agent of that id or name' },
  'join-token-unknown': { status: 404, when: 'no join token of that id: it was used, or has expired' },
  'policy-version-unknown': {
    status: 404,
    when: 'no version of the policy has that number, or it is not kept any more',
  },
  'alert-unknown': { status: 404, when: 'no alert of that number fires, nor is one in the history' },
  'silence-unknown': { status: 404, when: 'no silence of that id is in force that was made here' },
  'command-unknown': { status: 404, when: 'no command of that id or number, or it is not kept any more' },
  'plan-unknown': { status: 404, when: 'no plan of that number, or it is not kept any more' },
  'user-unknown': { status: 404, when: 'no user of that name' },
  'token-unknown': { status: 404, when: 'no token of that id: it was revoked, or has expired' },
  'alert-route-unknown': { status: 404, when: 'the policy has no route of that name' },
  'no-backup': { status: 404, when: 'no finished backup is there' },
  'request-timeout': {
    status: 408,
    when: 'the request did not come in time: 10 s for its headers, 30 s for all of it',
  },
  'name-ambiguous': { status: 409, when: 'several entities have that name: ask by id' },
  'agent-connected': { status: 409, when: 'the agent is connected: revoke it first' },
  'host-taken': { status: 409, when: 'another agent speaks for that host' },
  'too-many-hosts': { status: 409, when: 'the agent has as many hosts as one may have' },
  'too-many-join-tokens': { status: 409, when: 'as many join tokens as there may be wait to be used' },
  'command-over': { status: 409, when: 'the command has ended: there is nothing to cancel' },
  'past-cancelling': { status: 409, when: 'the command is a step of another, or moves a VM that would stay halted' },
  'plan-empty': { status: 409, when: 'there is nothing to move: no plan is kept' },
  'plan-not-now': { status: 409, when: 'the plan is over or applied already, or another one is' },
  'not-pending': { status: 409, when: 'the command does not wait for approval' },
  'not-proposed': { status: 409, when: 'the alert is over, or proposes no limit of that VM now' },
  'not-queued': { status: 409, when: 'the command does not wait for an array' },
  'remedy-under-way': { status: 409, when: 'what the alert proposes was asked for already, or its limit still holds' },
  'name-taken': { status: 409, when: 'a user or a token has that name, or one that differs only in case' },
  'too-many-users': { status: 409, when: 'as many users as there may be are there' },
  'too-many-tokens': { status: 409, when: 'as many tokens as there may be are there' },
  'too-many-commands': { status: 409, when: 'as many commands as there may be have not ended' },
  'too-many-silences': { status: 409, when: 'as many silences as there may be are in force' },
  'rotation-under-way': { status: 409, when: 'the certificate authority was rotated, and that is not finished' },
  'no-rotation': { status: 409, when: 'no rotation of the certificate authority is under way' },
  'agents-not-renewed': { status: 409, when: 'agents would be shut out: they have not renewed their certificates' },
  'no-own-store': { status: 409, when: 'the time series are kept by a server of their own' },
  'body-too-large': { status: 413, when: 'the body is over the limit' },
  'path-too-long': { status: 414, when: 'a name in the path is over the limit' },
  'media-type-unknown': { status: 415, when: 'the body is neither JSON nor a form' },
  'too-many-failures': {
    status: 429,
    when: 'too many wrong tokens or passwords from this address or of this account; `Retry-After` says how long',
  },
  'too-many-asked': { status: 429, when: 'one user or token asks for too many commands or plans' },
  internal: { status: 500, when: 'a bug; the log has the details' },
  'logins-busy': { status: 503, when: 'too many passwords wait to be checked' },
  'planner-busy': { status: 503, when: 'as many plans as may wait are waiting to be made' },
  'plan-failed': { status: 503, when: 'the plan took longer than a minute, or could not be made' },
  'store-failed': { status: 503, when: 'the time-series store failed or did not answer in time' },
  'too-many-policies': { status: 503, when: 'several long policies wait to be checked' },
  'too-many-streams': { status: 503, when: 'too many event streams are open, of this caller or in all' },
} as const satisfies Record<string, { status: number; when: string }>

export type ApiErrorCode = keyof typeof apiErrors

interface ErrorDetail {
  readonly field?: string
  readonly expected?: string
  readonly got?: string
}

/** Thrown in a route to answer with an error of the registry. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number

  constructor(
    readonly code: ApiErrorCode,
    message: string,
    readonly detail: ErrorDetail = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.status = apiErrors[code].status
  }

  toView(): ErrorView {
    return { code: this.code, message: this.message, ...this.detail }
  }
}

/** Fields whose values are never shown. */
const secretFields: ReadonlySet<string> = new Set(['password', 'token', 'key'])

/**
 * A value as it is shown in `got`: short, one line, without secrets.
 * @param field that it stood in
 */
export function shown(value: unknown, field = ''): string {
  if (value === undefined) return 'nothing'
  if (secretFields.has(field)) return 'something else'
  const text = JSON.stringify(value, (key, inner: unknown) => (secretFields.has(key) ? '…' : inner)) ?? typeof value
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
