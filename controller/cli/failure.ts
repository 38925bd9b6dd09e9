import { errorCode } from '../../common/error-code.js'
import { type ErrorView, errorView } from '../api/views.js'
import { CliError, NotFoundError } from './cli-error.js'
import { type Connection, isLoopback, shownUrl } from './connection.js'

/** The one place where what went wrong on the way to the controller, or in its answer, becomes words and an exit code. */

/** The request surely never reached the controller. */
const notConnected: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name could not be looked up',
  EHOSTUNREACH: 'there is no way to this machine',
  ENETUNREACH: 'there is no way to its network',
  UND_ERR_CONNECT_TIMEOUT: 'the machine does not answer',
  ETIMEDOUT: 'the machine does not answer',
}

const untrusted: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
])

/** What the request was: a lost answer to a change leaves its outcome unknown. */
export type Intent = 'read' | 'change'

/** No answer came: refused, unreachable, untrusted or broken off. */
export function connectionFailure(error: unknown, connection: Connection, intent: Intent): CliError {
  const where = shownUrl(connection)
  const options = { cause: error }
  const code = codeOf(error)
  if (code === 'ECONNREFUSED') {
    const hint = isLoopback(connection.url)
      ? 'is it running? (systemctl status headroom-controller, or npm start)'
      : 'is it running, and is this its address? (--url)'
    return new CliError('unreachable', `no controller answers at ${where} – ${hint}`, '', options)
  }
  const reason = notConnected[code]
  if (reason !== undefined) {
    return new CliError(
      'unreachable',
      `no controller answers at ${where}: ${reason} (${code})`,
      'check --url or HEADROOM_URL',
      options,
    )
  }
  if (untrusted.has(code)) {
    const hint = 'give the certificate of its authority in NODE_EXTRA_CA_CERTS'
    return new CliError('unreachable', `the certificate of ${where} is not trusted (${code})`, hint, options)
  }
  const message = `the connection to ${where} broke off (${code === '' ? innermostMessage(error) : code})`
  return lostAnswer(message, 'is this the address of a controller? (--url)', intent, options)
}

/** The deadline passed. */
export function deadlineFailure(connection: Connection, deadlineMs: number, intent: Intent): CliError {
  const message = `the controller at ${shownUrl(connection)} did not answer within ${deadlineMs / 1000} s`
  return lostAnswer(message, 'it may be overloaded: try again', intent)
}

/** It answered with an error. `text` is the body. */
export function answerFailure(status: number, text: string, connection: Connection): CliError {
  const where = shownUrl(connection)
  const error = parseError(text)
  const said = error === undefined ? `status ${status}` : shown(error)
  if (status === 401) return refusedToken(connection)
  if (status === 403 || status === 429)
    return new CliError('refused', `the controller at ${where} refuses this: ${said}`)
  if (status === 404 && error !== undefined && error.code !== 'route-unknown') return new NotFoundError(said)
  if (status === 502 || status === 503 || status === 504) {
    return new CliError('unreachable', `the controller at ${where} is not ready: ${said}`, 'try again in a moment')
  }
  if (error !== undefined && status !== 404) return new CliError('error', `the controller at ${where} says: ${said}`)
  return notAController(where, said)
}

/** It answered with something that is no answer of a controller, or of one that this program does not understand. */
export function notAController(where: string, what: string): CliError {
  return new CliError(
    'error',
    `the answer of ${where} is not understood: ${what}`,
    'is this the address of a controller, and of the same version as this program? (headroom --version)',
  )
}

function refusedToken({ url, credential }: Connection): CliError {
  const where = shownUrl({ url })
  if (credential.token === undefined) {
    return new CliError(
      'refused',
      `the controller at ${where} wants a token: ${credential.origin}`,
      'run this where the controller keeps its data, or give --data DIR or HEADROOM_TOKEN',
    )
  }
  return new CliError(
    'refused',
    `the token was refused by the controller at ${where} (token of ${credential.origin})`,
    'it may belong to another controller: check --url and --data',
  )
}

function lostAnswer(message: string, hint: string, intent: Intent, options?: ErrorOptions): CliError {
  return intent === 'read'
    ? new CliError('unreachable', message, hint, options)
    : new CliError('unknownOutcome', message, 'the change may have happened or not', options)
}

function parseError(text: string): ErrorView | undefined {
  try {
    return errorView.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function shown({ message, field, expected, got }: ErrorView): string {
  const parts = [
    ...(field === undefined || message.includes(field) ? [] : [field]),
    ...(expected === undefined || message.includes(expected) ? [] : [`expected ${expected}`]),
    ...(got === undefined || message.includes(got) ? [] : [`got ${got}`]),
  ]
  return parts.length === 0 ? message : `${message} (${parts.join(', ')})`
}

/** The code of the innermost cause that has one. */
function codeOf(error: unknown, depth = 0): string {
  if (!(error instanceof Error) || depth > 5) return ''
  if (error.cause !== undefined) {
    const inner = codeOf(error.cause, depth + 1)
    if (inner !== '') return inner
  }
  return errorCode(error)
}

function innermostMessage(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined || depth > 5 ? error.message : innermostMessage(error.cause, depth + 1)
}
