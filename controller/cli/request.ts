import type { z } from 'zod'

import type { Connection } from './connection.js'
import { shownUrl } from './connection.js'
import { answerFailure, connectionFailure, deadlineFailure, notAController } from './failure.js'

export interface Request {
  readonly method: 'GET' | 'POST'
  /** Below `/api/v1/`, encoded. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  /** Sent as JSON. */
  readonly body?: unknown
}

export interface RequestLimits {
  readonly deadlineMs: number
  readonly maxBytes: number
}

export const defaultLimits: RequestLimits = { deadlineMs: 10_000, maxBytes: 64 * 2 ** 20 }

/**
 * One request to the controller, its answer checked. A GET is not tried again here: who watches tries again by watching.
 * @throws CliError for every failure; whatever `signal` was aborted with, if it was
 */
export async function request<Schema extends z.ZodType>(
  connection: Connection,
  { method, path, query = {}, body: sent }: Request,
  schema: Schema,
  signal: AbortSignal,
  { deadlineMs, maxBytes }: RequestLimits = defaultLimits,
): Promise<z.output<Schema>> {
  const intent = method === 'GET' ? 'read' : 'change'
  const url = new URL(`api/v1/${path}`, connection.url)
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value))
  }
  const { token } = connection.credential
  const abort = new AbortController()
  const onAbort = () => abort.abort()
  signal.throwIfAborted()
  signal.addEventListener('abort', onAbort)
  let late = false
  const timer = setTimeout(() => {
    late = true
    abort.abort()
  }, deadlineMs)
  let status: number
  let body: { readonly text: string; readonly complete: boolean }
  try {
    const response = await fetch(url, {
      method,
      headers: {
        accept: 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
      // A redirect could carry the token elsewhere, and a controller sends none.
      redirect: 'manual',
      signal: abort.signal,
    })
    status = response.status
    body = await readBody(response, maxBytes)
  } catch (error) {
    signal.throwIfAborted()
    throw late ? deadlineFailure(connection, deadlineMs, intent) : connectionFailure(error, connection, intent)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
  if (!body.complete) throw notAController(shownUrl(connection), `longer than ${maxBytes} bytes`)
  if (status < 200 || status > 299) throw answerFailure(status, body.text, connection)
  return parseAnswer(body.text, schema, `${method} /api/v1/${path} at ${shownUrl(connection)}`)
}

async function readBody(response: Response, maxBytes: number): Promise<{ text: string; complete: boolean }> {
  if (response.body === null) return { text: '', complete: true }
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return { text: text + decoder.decode(), complete: true }
    bytes += value.byteLength
    if (bytes > maxBytes) {
      await reader.cancel()
      return { text: '', complete: false }
    }
    text += decoder.decode(value, { stream: true })
  }
}

function parseAnswer<Schema extends z.ZodType>(text: string, schema: Schema, where: string): z.output<Schema> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw notAController(where, 'it is no JSON')
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw notAController(
    where,
    issue === undefined ? 'wrong form' : `${issue.path.join('.') || 'the answer'}: ${issue.message}`,
  )
}
