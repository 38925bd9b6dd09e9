import { reasonOf, type Outcome } from './channel.js'

export interface Post {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** An outcome, and the other side's clock where it said it. */
export type PostOutcome = Outcome & { readonly httpStatus?: number; readonly dateMs?: number | undefined }

/** What says that the message is at fault: everything else may be put right on either side. */
const atFault: ReadonlySet<number> = new Set([400, 413, 414, 415, 422])
const longestReason = 300
/** Whatever `Retry-After` says: the other alerts of the way wait too. */
const longestWaitMs = 300_000

/** One POST of JSON. A redirect is no success: what is sent may carry a secret. Never rejects. */
export async function post({ url, headers, body }: Post, signal: AbortSignal): Promise<PostOutcome> {
  let response: Response
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'headroom', ...headers },
      body,
      redirect: 'manual',
      signal,
    })
  } catch (error) {
    return { status: 'retry', reason: signal.aborted ? 'no answer in time' : reasonOf(error) }
  }
  const dateMs = Date.parse(response.headers.get('date') ?? '')
  const about = { httpStatus: response.status, dateMs: Number.isNaN(dateMs) ? undefined : dateMs }
  if (response.ok) {
    await response.body?.cancel().catch(() => undefined)
    return { status: 'sent', ...about }
  }
  const reason = `answered ${response.status}${await said(response)}`
  if (atFault.has(response.status)) return { status: 'rejected', reason, ...about }
  return { status: 'retry', reason, afterMs: retryAfterMs(response.headers.get('retry-after')), ...about }
}

async function said(response: Response): Promise<string> {
  const text = await firstOf(response).catch(() => '')
  const line = text.replace(/\s+/gu, ' ').trim()
  return line === '' ? '' : `: ${line}`
}

/** No more of an error's body than is shown. */
async function firstOf(response: Response): Promise<string> {
  if (response.body === null) return ''
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader()
  const { value } = await reader.read()
  await reader.cancel()
  return new TextDecoder().decode(value?.subarray(0, longestReason))
}

function retryAfterMs(text: string | null): number | undefined {
  const seconds = Number(text ?? Number.NaN)
  return seconds > 0 ? Math.min(seconds * 1000, longestWaitMs) : undefined
}
