import { createTransport } from 'nodemailer'

import type { Message } from '../../model/alert.js'
import { reasonOf, type Channel, type Outcome } from './channel.js'
import { mailText, worstOf } from './email-text.js'
import { readSecret } from './secret-file.js'

/** The part `mail` of `controller.yaml`: the server that takes our mail. */
export interface MailServer {
  readonly host: string
  readonly port: number
  /** `tls` from the first byte, `starttls` or nothing at all, or `none` for a server on this machine. */
  readonly security: 'tls' | 'starttls' | 'none'
  /** Address of the sender, such as `headroom@example.org`. */
  readonly from: string
  readonly user?: string | undefined
  readonly passwordFile?: string | undefined
}

export interface EmailOptions {
  /** Absent: no server is configured, and nothing can be sent. */
  readonly server: MailServer | undefined
  readonly linkTo: (number: number) => string | undefined
}

/** A silent server holds a connection for so long at most; the caller's deadline is the shorter one. */
const socketMs = 60_000

/** Mail over SMTP, one connection a message. Mails about one group hang together by `References`. */
export function emailChannel({ server, linkTo }: EmailOptions): Channel {
  return {
    send: async (message, signal) => {
      if (server === undefined) return { status: 'retry', reason: '`mail` in controller.yaml names no server' }
      try {
        return await sendMail(server, message, linkTo, signal)
      } catch (error) {
        return failure(error, signal)
      }
    },
    close: () => undefined,
  }
}

async function sendMail(
  server: MailServer,
  message: Message,
  linkTo: EmailOptions['linkTo'],
  signal: AbortSignal,
): Promise<Outcome> {
  const { host, port, security, from, user, passwordFile } = server
  const transport = createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    connectionTimeout: socketMs,
    greetingTimeout: socketMs,
    socketTimeout: socketMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(user !== undefined && passwordFile !== undefined && { auth: { user, pass: await readSecret(passwordFile) } }),
  })
  try {
    const { subject, body } = mailText(message, linkTo)
    const domain = from.slice(from.lastIndexOf('@') + 1).replace(/[^A-Za-z0-9.-]/g, '')
    const idOf = (id: string): string => `<${id}@${domain}>`
    const follows = message.thread !== message.id
    const { rejected } = await transport.sendMail({
      from,
      // Each gets to see that it was for all of them.
      to: [...message.recipients],
      subject,
      text: body,
      messageId: idOf(message.id),
      ...(follows && { inReplyTo: idOf(message.thread), references: [idOf(message.thread)] }),
      date: new Date(message.atMs),
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Headroom-Severity': worstOf(message) },
      signal,
    })
    if (rejected.length === 0) return { status: 'sent' }
    return { status: 'sent', note: `${rejected.length} of ${message.recipients.length} recipients were refused` }
  } finally {
    transport.close()
  }
}

/** Only what the server says of this mail or its recipients for good is at fault; everything else may be put right. */
function failure(error: unknown, signal: AbortSignal): Outcome {
  if (signal.aborted) return { status: 'retry', reason: 'no answer in time' }
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const responseCode = error instanceof Error && 'responseCode' in error ? Number(error.responseCode) : 0
  const isForGood = (code === 'EENVELOPE' || code === 'EMESSAGE') && responseCode >= 500 && responseCode < 600
  return { status: isForGood ? 'rejected' : 'retry', reason: reasonOf(error) }
}
