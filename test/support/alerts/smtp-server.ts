import { once } from 'node:events'

import { SMTPServer } from 'smtp-server'

export interface ReceivedMail {
  readonly atMs: number
  readonly to: readonly string[]
  /** Headers and body as they came, long lines joined. */
  readonly text: string
}

export interface RunningSmtp {
  readonly port: number
  /** In the order in which they came. */
  readonly mails: readonly ReceivedMail[]
  close(): Promise<void>
}

/** A mail server on this machine that takes all that comes, on a free port unless one is named. */
export async function startSmtp(port = 0): Promise<RunningSmtp> {
  const mails: ReceivedMail[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, { envelope: { rcptTo } }, done) => {
      let text = ''
      stream.setEncoding('utf8')
      stream.on('data', (part: string) => (text += part))
      stream.on('end', () => {
        const to = rcptTo.map(({ address }) => address)
        mails.push({ atMs: Date.now(), to, text: text.replaceAll('=\r\n', '') })
        done(null)
      })
    },
  })
  server.on('error', () => undefined)
  const listening = server.listen(port, '127.0.0.1')
  await once(listening, 'listening')
  const address = listening.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return { port: address.port, mails, close: () => new Promise((done) => server.close(done)) }
}
