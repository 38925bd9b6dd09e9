import { createTransport, type NodemailerError } from 'nodemailer'

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
      let auth: Auth | undefined
      try {
        auth = await authOf(server, signal)
      } catch (error) {
        return { status: 'retry', reason: error instanceof Error ? error.message : String(error) }
      }
      try {
        return await sendMail(server, auth, message, linkTo, signal)
      } catch (error) {
        return failure(error, signal)
      }
    },
    close: () => undefined,
  }
}

interface Auth {
  readonly user: string
  readonly pass: string
}

async function authOf({ user, passwordFile }: MailServer, signal: AbortSignal): Promise<Auth | undefined> {
  if (user === undefined || passwordFile === undefined) return undefined
  return { user, pass: await readSecret(passwordFile, signal) }
}

async function sendMail(
  server: MailServer,
  auth: Auth | undefined,
  message: Message,
  linkTo: EmailOptions['linkTo'],
  signal: AbortSignal,
): Promise<Outcome> {
  const { host, port, security, from } = server
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
    ...(auth !== undefined && { auth }),
  })
  try {
    const { subject, body } = mailText(message, linkTo)
    const domain = from.slice(from.lastIndexOf('@') + 1).replace(/[^A-Za-z0-9.-]/g, '')
    const idOf = (id: string): string => `<${id}@${domain}>`
    const follows = message.thread !== message.id
    const { rejectedErrors = [] } = await transport.sendMail({
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
    return takenBySome(message.recipients, rejectedErrors)
  } finally {
    transport.close()
  }
}

/** What came of a mail that the server took: for all recipients but those of the errors. */
function takenBySome(recipients: readonly string[], refusals: readonly NodemailerError[]): Outcome {
  if (refusals.length === 0) return { status: 'sent' }
  const putOff = refusals.filter((refusal) => !isForGood(refusal))
  const [first] = putOff
  if (first === undefined) {
    const why = refusals[0]?.message ?? ''
    return {
      status: 'sent',
      note: `${refusals.length} of ${recipients.length} recipients were refused for good: ${why}`,
    }
  }
  // The domain may come back in another form.
  const late = new Set(putOff.map(({ recipient = '' }) => recipient.toLowerCase()))
  return {
    status: 'partly',
    reason: `${putOff.length} of ${recipients.length} recipients were put off: ${first.message}`,
    recipients: recipients.filter((recipient) => late.has(recipient.toLowerCase())),
  }
}

/**
 * Given up is what would be refused again: recipients that the server refuses for good, a mail that is too large or in a form that is not taken, and one
 * that is refused for good when it has been read, be it for its content or by a rule: behind it the others wait. A sender, a relay or a login that
 * is refused may be put right while the message waits.
 */
function failure(error: unknown, signal: AbortSignal): Outcome {
  if (signal.aborted) return { status: 'retry', reason: 'no answer in time' }
  const said: NodemailerError | undefined = error instanceof Error ? error : undefined
  const isGivenUp = said?.rejectedErrors?.every(isForGood) ?? (said !== undefined && isUnfit(said))
  return { status: isGivenUp ? 'rejected' : 'retry', reason: reasonOf(error) }
}

/** Whether it is the mail that the server does not want. `EMESSAGE`: it has had the whole of it. */
function isUnfit({ code, response = '' }: NodemailerError): boolean {
  return unfit.test(response) || (code === 'EMESSAGE' && isSaidForGood(response))
}

/** Whether it is the recipient that the server does not want. */
function isForGood({ response = '' }: NodemailerError): boolean {
  return noMailbox.test(response) || (isSaidForGood(response) && !aboutUs.test(response))
}

function isSaidForGood(response: string): boolean {
  return response.startsWith('5') && !passing.test(response) && !mendable.test(response)
}

/** Codes of RFC 3463: the mailbox or its domain is not there, is no address or has moved. */
const noMailbox = /^5\d\d[ -]5\.1\.(?:[12346]|10)\b/
/**
 * What is said of us, not of the recipient: that we are not logged in (530 to 538, 5.7.0, 5.7.8 and on) or may not relay, that the sender (5.1.0, 5.1.7,
 * 5.1.8) is not known; and greylisting with a code for good.
 */
const mendable =
  /^53\d|^5\d\d[ -]5\.(?:1\.[078]|7\.(?:0|8|9|1[0-4]))\b|\b(?:relay|auth|log ?in|sender|starttls|gr[ae]y-?list|try again)/i
/** Said when a recipient is named, as servers do that wait with it until then, but of us: our address, its name and the name that we give; on a block list. */
const aboutUs =
  /^5\d\d[ -]5\.(?:5\.\d|7\.2\d)\b|\b(?:client|helo|ehlo|host ?name|reverse|ptr|rdns|r?bl|dnsbl|listed|block-?list|black-?list)\b|\bblocked\b/i
/** Of the server or a mailbox as it is just now, though the code is for good: full (5.2.2), out of order or set up wrongly (5.3), no way there (5.4). */
const passing =
  /^5\d\d[ -]5\.(?:2\.2|[34]\.\d+)\b|\b(?:mailbox|quota|storage)\b.*\b(?:full|exceeded)\b|\bover ?quota\b/i
/** The mail is too large (5.2.3, 5.3.4), or its form is not taken (5.6). */
const unfit = /^5\d\d[ -]5\.(?:2\.3|3\.4|6\.\d+)\b/
