import { errorCode } from '../../../common/error-code.js'
import type { AlertSummary, Message } from '../../model/alert.js'

/** What came of sending. Expected failures are values. */
export type Outcome =
  | {
      readonly status: 'sent'
      /** Who did not get it, and why: shown until one is taken without. */ readonly note?: string
    }
  /** Others have it: for these recipients alone it has to be tried again. */
  | { readonly status: 'partly'; readonly reason: string; readonly recipients: readonly string[] }
  /** It may be so only for now: try again, not before `afterMs` if that is there. It may have arrived. */
  | { readonly status: 'retry'; readonly reason: string; readonly afterMs?: number | undefined }
  /** It will never be taken as it is. */
  | { readonly status: 'rejected'; readonly reason: string }

/** One way to tell people or programs. It keeps nothing, and never tries twice: queue and retries are the desk's. */
export interface Channel {
  /** Sends one message. Resolves when the other side has taken it, and when `signal` aborts; never rejects. */
  send(message: Message, signal: AbortSignal): Promise<Outcome>
  /** Says again what fires: only for a side that forgets it otherwise. */
  readonly resend?: {
    readonly everyMs: number
    send(alerts: readonly AlertSummary[], signal: AbortSignal): Promise<Outcome>
  }
  close(): void
}

/** The reason in an error of the network, in words. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? error.cause : error
  // Some errors of the network have a code and no words.
  return cause.message === '' ? errorCode(cause) : cause.message
}
