import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { SMTPServer } from 'smtp-server'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { alertmanagerChannel, postAlerts, watchdogAlert } from '../../controller/alerts/channels/alertmanager.js'
import type { Outcome } from '../../controller/alerts/channels/channel.js'
import { emailChannel, type MailServer } from '../../controller/alerts/channels/email.js'
import { beat } from '../../controller/alerts/channels/heartbeat.js'
import { webhookChannel } from '../../controller/alerts/channels/webhook.js'
import { startAlertmanager, type RunningAlertmanager } from '../support/alerts/alertmanager-server.js'
import { change, messageOf, summary } from '../support/alerts/messages.js'
import { makeCertificate } from '../support/self-signed.js'
import { waitFor } from '../support/wait-for.js'

const directory = mkdtempSync(join(tmpdir(), 'headroom-channels-'))
const secretFile = join(directory, 'secret')
writeFileSync(secretFile, 'open sesame\nnot this line\n')
const noLink = (): undefined => undefined
const inTime = (): AbortSignal => AbortSignal.timeout(10_000)

afterAll(() => rmSync(directory, { recursive: true }))

describe('Alertmanager', () => {
  let alertmanager: RunningAlertmanager

  beforeAll(async () => {
    alertmanager = await startAlertmanager(join(directory, 'alertmanager'))
  })
  afterAll(() => alertmanager.server.stop())

  const channel = (now: () => number = () => Date.now()) =>
    alertmanagerChannel({
      target: { kind: 'alertmanager', url: alertmanager.url, resendMs: 60_000 },
      now,
      linkTo: (number) => `https://headroom.example.org/alerts/${number}`,
    })
  const alertOf = (name: string) =>
    summary({ subject: { kind: 'vm', id: name, name }, number: 1 + name.length, firedAtMs: Date.now() - 60_000 })
  const firingOf = async (name: string) =>
    (await alertmanager.firing()).filter(({ labels }) => labels['subject_id'] === name)

  test('is told what fires, again and again without doubling it, and what is over', async () => {
    const way = channel()
    const alert = alertOf('first')
    expect(await way.send(messageOf([change('fired', alert)]), inTime())).toEqual({ status: 'sent' })
    for (let again = 0; again < 3; again += 1)
      expect(await way.resend?.send([alert], inTime())).toEqual({ status: 'sent' })
    const [there, ...more] = await firingOf('first')
    expect(more).toEqual([])
    expect(there?.labels).toEqual({
      alertname: 'array-hammered',
      severity: 'critical',
      subject_kind: 'vm',
      subject: 'first',
      subject_id: 'first',
      headroom_alert: '6',
    })
    expect(there?.annotations).toEqual({
      summary: alert.message,
      host: 'xenhv03',
      group: 'personal',
      owner: 'panda',
    })
    expect(Date.parse(there?.startsAt ?? '')).toBe(alert.firedAtMs)
    // No end of ours: it sets one by its own clock, five minutes ahead.
    expect(Date.parse(there?.endsAt ?? '') - Date.now()).toBeGreaterThan(200_000)
    expect(await way.send(messageOf([change('resolved', alert, { atMs: Date.now() })]), inTime())).toEqual({
      status: 'sent',
    })
    await waitFor(5000, 'the alert to be over', async () => (await firingOf('first')).length === 0)
  })

  test('a change of severity ends the one and begins the other', async () => {
    const way = channel()
    const before = { ...alertOf('second'), severity: 'warning' as const }
    await way.send(messageOf([change('fired', before)]), inTime())
    const after = { ...before, severity: 'critical' as const }
    await way.send(messageOf([change('severity', after, { before: 'warning', atMs: Date.now() })]), inTime())
    await waitFor(5000, 'one severity', async () => {
      const severities = (await firingOf('second')).map(({ labels }) => labels['severity'])
      return severities.length === 1 && severities[0] === 'critical'
    })
  })

  test('of a message that tells that one came and went, the end counts', async () => {
    const alert = alertOf('third')
    const changes = [change('fired', alert), change('resolved', alert, { atMs: Date.now() - 1000 })]
    expect(await channel().send(messageOf(changes), inTime())).toEqual({ status: 'sent' })
    expect(await firingOf('third')).toEqual([])
  })

  test.each([-86_400_000, -600_000, 600_000, 400 * 86_400_000])(
    'a clock of ours that is wrong by %d ms does no harm: times are put on its own',
    async (wrongMs) => {
      const now = (): number => Date.now() + wrongMs
      const way = channel(now)
      const id = `wrong${wrongMs}`
      const alert = { ...alertOf(id), firedAtMs: now() - 60_000 }
      const first = await way.send(messageOf([change('fired', alert)]), inTime())
      expect(first.status).toBe('retry')
      expect(reasonIn(first)).toContain('its clock differs from ours by')
      expect(await way.send(messageOf([change('fired', alert)]), inTime())).toEqual({ status: 'sent' })
      const [there] = await firingOf(id)
      // Of several beginnings it keeps the first; one in the future it would refuse.
      expect(Date.parse(there?.startsAt ?? '') - (Date.now() - 60_000)).toBeLessThan(5000)
      expect(await way.send(messageOf([change('resolved', alert, { atMs: now() })]), inTime())).toEqual({
        status: 'sent',
      })
      await waitFor(5000, 'the alert to be over', async () => (await firingOf(id)).length === 0)
    },
  )

  test('takes whatever names there are', async () => {
    const alert = {
      ...alertOf('odd'),
      subject: { kind: 'vm' as const, id: 'odd', name: 'a\n"b"{c}\u202e\u0000計算機' },
    }
    expect(await channel().send(messageOf([change('fired', alert)]), inTime())).toEqual({ status: 'sent' })
    expect((await firingOf('odd'))[0]?.labels['subject']).toBe(alert.subject.name)
  })

  test('takes thousands at once', async () => {
    const alerts = Array.from({ length: 2000 }, (_, index) => ({ ...alertOf(`many`), number: 1000 + index }))
    expect(await channel().resend?.send(alerts, inTime())).toEqual({ status: 'sent' })
    expect(await firingOf('many')).toHaveLength(2000)
  })

  test('is tested with an alert that ends by itself, and watched by one that does not', async () => {
    await channel().send(messageOf([], { isTest: true }), inTime())
    const target = { kind: 'alertmanager' as const, url: alertmanager.url, resendMs: 60_000 }
    expect(await postAlerts(target, [watchdogAlert], inTime())).toMatchObject({ status: 'sent' })
    expect(await beat({ everyMs: 60_000, alertmanager: target }, inTime())).toEqual({ status: 'sent' })
    const named = (await alertmanager.firing()).filter(({ labels }) =>
      ['HeadroomTest', 'Watchdog'].includes(labels['alertname'] ?? ''),
    )
    expect(named.map(({ labels }) => labels['alertname'] ?? '').sort()).toEqual(['HeadroomTest', 'Watchdog'])
  })

  test('that stands still, or is gone, is tried again', async () => {
    alertmanager.server.freeze()
    await waitFor(5000, 'it to stand still', () =>
      fetch(`${alertmanager.url}/-/ready`, { signal: AbortSignal.timeout(200) }).then(
        () => false,
        () => true,
      ),
    )
    const slow = await channel().send(messageOf([change('fired')]), AbortSignal.timeout(300))
    alertmanager.server.thaw()
    expect(slow).toEqual({ status: 'retry', reason: 'no answer in time' })
    await alertmanager.server.stop('SIGKILL')
    expect(await channel().send(messageOf([change('fired')]), inTime())).toMatchObject({ status: 'retry' })
    await alertmanager.server.start()
    expect(await channel().send(messageOf([change('fired')]), inTime())).toEqual({ status: 'sent' })
  })
})

interface Asked {
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

describe('webhook', () => {
  let server: Server
  let url: string
  const asked: Asked[] = []
  let answer: (response: ServerResponse) => void

  beforeAll(async () => {
    server = createServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        asked.push({ headers: request.headers, body: Buffer.concat(parts).toString('utf8') })
        answer(response)
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (typeof address !== 'object' || address === null) throw new Error('no port')
    url = `http://127.0.0.1:${address.port}/hook`
  })
  afterEach(() => {
    asked.length = 0
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  const hook = (secret = secretFile) =>
    webhookChannel({
      target: { kind: 'webhook', url, secretFile: secret },
      now: () => Date.UTC(2026, 0, 5, 10),
      linkTo: noLink,
    })

  test('gets JSON with an id, a time and a signature that fits them', async () => {
    answer = (response) => response.writeHead(204).end()
    expect(await hook().send(messageOf([change('fired'), change('resolved')]), inTime())).toMatchObject({
      status: 'sent',
    })
    const [{ headers, body } = { headers: {}, body: '' }] = asked
    expect(headers['headroom-id']).toBe('inst-7')
    expect(headers['headroom-timestamp']).toBe(String(Date.UTC(2026, 0, 5, 10) / 1000))
    // As docs/alerts.md says to check it.
    const expected = `sha256=${createHmac('sha256', 'open sesame')
      .update(`${String(headers['headroom-id'])}.${String(headers['headroom-timestamp'])}.${body}`)
      .digest('hex')}`
    expect(timingSafeEqual(Buffer.from(String(headers['headroom-signature'])), Buffer.from(expected))).toBe(true)
    expect(JSON.parse(body)).toMatchObject({
      version: 1,
      id: 'inst-7',
      route: 'admins',
      test: false,
      changes: [
        {
          what: 'fired',
          alert: { number: 12, check: 'array-hammered', subject: { text: 'vm:panda' }, owners: ['panda'] },
        },
        { what: 'resolved' },
      ],
      firing: 1,
    })
  })

  test.each([
    [200, 'sent'],
    [302, 'retry'],
    [400, 'rejected'],
    [401, 'retry'],
    [404, 'retry'],
    [422, 'rejected'],
    [429, 'retry'],
    [500, 'retry'],
    [503, 'retry'],
  ])('an answer of %d means %s', async (status, outcome) => {
    answer = (response) =>
      response.writeHead(status, { location: 'http://127.0.0.1:1/', 'retry-after': '7' }).end('because\nof this')
    const came = await hook().send(messageOf([change('fired')]), inTime())
    const waits = { afterMs: 7000, reason: `answered ${status}: because of this` }
    expect(came).toMatchObject({ status: outcome, ...(outcome === 'retry' && waits) })
  })

  test.each([
    ['120', 120_000],
    ['3600', 300_000],
    ['1e9', 300_000],
    ['0', undefined],
    ['Mon, 05 Jan 2026 10:00:00 GMT', undefined],
  ])('told to wait for %s it waits for %s ms, not for hours', async (retryAfter, afterMs) => {
    answer = (response) => response.writeHead(503, { 'retry-after': retryAfter }).end()
    expect(await hook().send(messageOf([change('fired')]), inTime())).toMatchObject({ status: 'retry', afterMs })
  })

  test('one that does not answer, and a secret that is not there, are tried again', async () => {
    answer = () => undefined
    expect(await hook().send(messageOf([change('fired')]), AbortSignal.timeout(200))).toEqual({
      status: 'retry',
      reason: 'no answer in time',
    })
    const missing = await hook(join(directory, 'nowhere')).send(messageOf([change('fired')]), inTime())
    expect(missing.status).toBe('retry')
    expect(reasonIn(missing)).toContain('nowhere')
  })

  test('an answer without an end does not hold it up', async () => {
    answer = (response) => {
      response.writeHead(500)
      response.write('x'.repeat(100_000))
    }
    const came = await hook().send(messageOf([change('fired')]), inTime())
    expect(came.status).toBe('retry')
    expect(reasonIn(came).length).toBeLessThan(400)
  })

  test('a sign of life asks an address', async () => {
    answer = (response) => response.writeHead(200).end()
    expect(await beat({ everyMs: 1000, url }, inTime())).toEqual({ status: 'sent' })
    answer = (response) => response.writeHead(500).end()
    expect(await beat({ everyMs: 1000, url }, inTime())).toEqual({ status: 'retry', reason: 'answered 500' })
  })
})

/** Where a server says no, and to whom only. `data` is after the mail's last line. */
interface Refusal {
  readonly at: 'sender' | 'rcpt' | 'data'
  readonly code: number
  readonly text?: string
  readonly only?: string
}

interface Mail {
  readonly from: string
  readonly to: readonly string[]
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

describe('e-mail', () => {
  const mails: Mail[] = []
  const servers: SMTPServer[] = []
  let refuse: Refusal | undefined

  afterEach(() => {
    mails.length = 0
    refuse = undefined
  })
  afterAll(() => {
    for (const server of servers) server.close()
  })

  async function startSmtp(more: object = {}): Promise<number> {
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onMailFrom: (_address, _session, done) => done(refuse?.at === 'sender' ? smtpError(refuse) : null),
      onRcptTo: ({ address }, _session, done) => {
        const isRefused = refuse?.at === 'rcpt' && (refuse.only === undefined || refuse.only === address)
        done(isRefused && refuse !== undefined ? smtpError(refuse) : null)
      },
      onData: (stream, session, done) => {
        const parts: Buffer[] = []
        stream.on('data', (part: Buffer) => parts.push(part))
        stream.on('end', () => {
          if (refuse?.at === 'data') {
            done(smtpError(refuse))
            return
          }
          const { mailFrom, rcptTo } = session.envelope
          mails.push({
            from: mailFrom === false ? '' : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            ...parsed(Buffer.concat(parts).toString('latin1')),
          })
          done(null)
        })
      },
      ...more,
    })
    server.on('error', () => undefined)
    servers.push(server)
    const listening = server.listen(0, '127.0.0.1')
    await once(listening, 'listening')
    const address = listening.address()
    if (typeof address !== 'object' || address === null) throw new Error('no port')
    return address.port
  }

  const mailTo = (port: number, more: Partial<MailServer> = {}) =>
    emailChannel({
      server: { host: 'localhost', port, security: 'none', from: 'headroom@elab.example', ...more },
      linkTo: (number) => `https://headroom.example.org/alerts/${number}`,
    })

  test('comes as plain text, and the end of an alert hangs at its beginning', async () => {
    const way = mailTo(await startSmtp())
    const culprit = { role: 'culprit' as const, subject: { kind: 'vm' as const, id: 'b', name: 'bell' } }
    const alert = summary({
      related: [culprit],
      evidence: [{ entityKind: 'vm', entityId: 'a', field: 'writeBytesPerSecond', value: 6e7, limit: 2e7 }],
    })
    expect(await way.send(messageOf([change('fired', alert)]), inTime())).toEqual({ status: 'sent' })
    expect(await way.send(messageOf([change('resolved', alert)], { id: 'inst-8', firing: 0 }), inTime())).toEqual({
      status: 'sent',
    })
    const [first, second] = mails
    expect(first?.to).toEqual(['ops@example.org'])
    expect(first?.from).toBe('headroom@elab.example')
    expect(first?.headers.get('subject')).toBe(
      '[headroom] critical: vm:panda: writes 60 MB/s to iscsi1; its neighbours wait 20 ms',
    )
    expect(first?.headers.get('message-id')).toBe('<inst-7@elab.example>')
    expect(first?.headers.get('auto-submitted')).toBe('auto-generated')
    expect(first?.headers.get('content-type')).toMatch(/^text\/plain/)
    expect(first?.headers.has('references')).toBe(false)
    expect(first?.body).toBe(`FIRING  #12  critical  vm:panda  array-hammered
  writes 60 MB/s to iscsi1; its neighbours wait 20 ms
  since 2026-01-05 10:00:00
  on xenhv03, group personal, owner panda
  culprit: vm:bell
  bytes written: 60 MB/s, limit 20 MB/s
  https://headroom.example.org/alerts/12

1 of this group fires now.
Sent by headroom, route admins. Times are UTC.
`)
    expect(second?.headers.get('subject')).toBe(
      '[headroom] over: vm:panda: writes 60 MB/s to iscsi1; its neighbours wait 20 ms',
    )
    expect(second?.headers.get('message-id')).toBe('<inst-8@elab.example>')
    expect(second?.headers.get('references')).toBe('<inst-7@elab.example>')
    expect(second?.headers.get('in-reply-to')).toBe('<inst-7@elab.example>')
    expect(second?.body).toContain('  from 2026-01-05 10:00:00 to 2026-01-05 10:12:34 (12m 34s)\n')
    expect(second?.body).toContain('Nothing of this group fires now.')
  })

  test('names that would be headers, lines or recipients stay text', async () => {
    const way = mailTo(await startSmtp())
    const evil = 'x\r\nBcc: victim@example.org\r\n\r\n.\r\nQUIT\u202e\u001b[31m'
    const alert = summary({
      message: evil,
      check: evil,
      subject: { kind: 'vm', id: 'e', name: evil },
      facts: { owners: [evil], host: evil, group: evil },
    })
    expect(await way.send(messageOf([change('fired', alert)], { route: evil }), inTime())).toEqual({ status: 'sent' })
    const [mail] = mails
    expect(mail?.to).toEqual(['ops@example.org'])
    expect([...(mail?.headers.keys() ?? [])].sort()).toEqual([
      'auto-submitted',
      'content-transfer-encoding',
      'content-type',
      'date',
      'from',
      'message-id',
      'mime-version',
      'subject',
      'to',
      'x-headroom-severity',
    ])
    expect(mail?.headers.get('subject')).toContain('x\\x0d\\x0aBcc: victim')
    expect(mail?.body.split('\n').every((line) => !line.startsWith('Bcc') && line !== '.')).toBe(true)
    expect(mail?.body).not.toContain('\u202e')
    expect(mail?.body).not.toContain('\u001b')
  })

  test.each<readonly [Refusal, Outcome['status']]>([
    [{ at: 'rcpt', code: 550, text: '5.1.1 User unknown' }, 'rejected'],
    [{ at: 'rcpt', code: 556, text: '5.1.10 Null MX' }, 'rejected'],
    [{ at: 'rcpt', code: 550, text: '5.7.1 Recipient address rejected: Access denied' }, 'rejected'],
    [{ at: 'rcpt', code: 554, text: '5.7.1 Service unavailable; blocked by a list' }, 'retry'],
    [{ at: 'rcpt', code: 504, text: '5.5.2 <x>: Helo command rejected: need fully-qualified hostname' }, 'retry'],
    [{ at: 'rcpt', code: 554, text: '5.7.1 <h[192.0.2.1]>: Client host rejected: Access denied' }, 'retry'],
    [{ at: 'rcpt', code: 550, text: '5.7.25 The IP address has no PTR record' }, 'retry'],
    [{ at: 'rcpt', code: 552, text: 'mailbox full' }, 'retry'],
    [{ at: 'rcpt', code: 552, text: 'user is over quota (#5.2.2)' }, 'retry'],
    [{ at: 'rcpt', code: 550, text: '5.2.1 Mailbox disabled' }, 'rejected'],
    [{ at: 'rcpt', code: 550, text: 'No such person' }, 'rejected'],
    [{ at: 'rcpt', code: 552, text: '5.2.2 Mailbox full' }, 'retry'],
    [{ at: 'rcpt', code: 530, text: '5.7.1 Not for strangers' }, 'retry'],
    [{ at: 'rcpt', code: 550, text: '5.7.1 Client was not authenticated' }, 'retry'],
    [{ at: 'rcpt', code: 550, text: '5.7.1 Unable to relay' }, 'retry'],
    [{ at: 'rcpt', code: 550, text: '5.7.1 Greylisted, come again' }, 'retry'],
    [{ at: 'rcpt', code: 451 }, 'retry'],
    // All that the settings of the server may put right.
    [{ at: 'sender', code: 530, text: '5.7.0 Must issue a STARTTLS command first' }, 'retry'],
    [{ at: 'sender', code: 553, text: '5.7.1 Sender address rejected: not owned by user' }, 'retry'],
    [{ at: 'sender', code: 550, text: '5.1.1 Who are you' }, 'retry'],
    [{ at: 'rcpt', code: 550, text: '5.1.8 Sender address rejected: Domain not found' }, 'retry'],
    [{ at: 'rcpt', code: 554, text: '5.7.1 Relay access denied' }, 'retry'],
    [{ at: 'rcpt', code: 550, text: 'relay not permitted' }, 'retry'],
    [{ at: 'data', code: 452 }, 'retry'],
    [{ at: 'data', code: 451, text: '4.7.1 Try again later' }, 'retry'],
    [{ at: 'data', code: 552, text: '5.2.2 Mailbox full' }, 'retry'],
    [{ at: 'data', code: 554, text: '5.3.5 System incorrectly configured' }, 'retry'],
    // The server has read it and does not want it: it will not want it tomorrow.
    [{ at: 'data', code: 554, text: '5.7.1 Message content rejected' }, 'rejected'],
    [{ at: 'data', code: 550, text: 'looks like spam' }, 'rejected'],
    // What no setting changes.
    [{ at: 'data', code: 552, text: '5.3.4 Message too big' }, 'rejected'],
    [{ at: 'data', code: 554, text: '5.6.0 Not in this form' }, 'rejected'],
  ])('a server that says %o means %s', async (refusal, outcome) => {
    const way = mailTo(await startSmtp())
    refuse = refusal
    expect((await way.send(messageOf([change('fired')]), inTime())).status).toBe(outcome)
  })

  test('one bad address of several keeps nothing from the others, and is said', async () => {
    const way = mailTo(await startSmtp())
    refuse = { at: 'rcpt', code: 550, text: '5.1.1 User unknown', only: 'gone@example.org' }
    const outcome = await way.send(
      messageOf([change('fired')], { recipients: ['gone@example.org', 'ops@example.org'] }),
      inTime(),
    )
    expect(outcome).toEqual({
      status: 'sent',
      note: expect.stringMatching(/^1 of 2 recipients were refused for good: .*550 5.1.1 User unknown/) as unknown,
    })
    expect(mails[0]?.to).toEqual(['ops@example.org'])
  })

  test.each<Pick<Refusal, 'code' | 'text'>>([
    { code: 450, text: '4.2.0 Greylisted' },
    { code: 452, text: '4.2.2 Mailbox full' },
    { code: 554, text: '5.7.1 Relay access denied' },
  ])('a recipient who is put off by %o is named, to be tried again alone', async (refusal) => {
    const way = mailTo(await startSmtp())
    refuse = { at: 'rcpt', ...refusal, only: 'late@example.org' }
    const recipients = ['late@EXAMPLE.org', 'ops@example.org']
    const outcome = await way.send(messageOf([change('fired')], { recipients }), inTime())
    expect(outcome).toMatchObject({ status: 'partly', recipients: ['late@EXAMPLE.org'] })
    expect(reasonIn(outcome)).toContain(`1 of 2 recipients were put off: Recipient command failed: ${refusal.code}`)
    expect(mails.map(({ to }) => to)).toEqual([['ops@example.org']])
  })

  test('a server with a password gets it, and with STARTTLS only where somebody vouches for it', async () => {
    const { key, cert } = await makeCertificate()
    const said: string[] = []
    const port = await startSmtp({
      key,
      cert,
      disabledCommands: [],
      authOptional: false,
      onAuth: (
        { username, password }: { username: string; password: string },
        session: { secure: boolean },
        done: (error: Error | null, answer?: object) => void,
      ) => {
        said.push(`${username} ${password} ${session.secure}`)
        done(null, { user: username })
      },
    })
    const account = { user: 'headroom', passwordFile: secretFile }
    // Nobody vouches for that certificate: the password stays here.
    const untrusted = await mailTo(port, { ...account, security: 'starttls' }).send(
      messageOf([change('fired')]),
      inTime(),
    )
    expect(untrusted.status).toBe('retry')
    const plain = await startSmtp()
    const withoutTls = await mailTo(plain, { ...account, security: 'starttls' }).send(
      messageOf([change('fired')]),
      inTime(),
    )
    expect(withoutTls.status).toBe('retry')
    expect(said).toEqual([])
    expect(mails).toEqual([])
    const onThisMachine = await startSmtp({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (
        { username, password }: { username: string; password: string },
        _session: object,
        done: (error: Error | null, answer?: object) => void,
      ) => {
        said.push(`${username} ${password}`)
        done(null, { user: username })
      },
    })
    expect(await mailTo(onThisMachine, account).send(messageOf([change('fired')]), inTime())).toEqual({
      status: 'sent',
    })
    expect(said).toEqual(['headroom open sesame'])
  })

  test('no server, one that is away, and one that says nothing are tried again', async () => {
    const none = emailChannel({ server: undefined, linkTo: noLink })
    expect(await none.send(messageOf([change('fired')]), inTime())).toMatchObject({ status: 'retry' })
    expect(await mailTo(1).send(messageOf([change('fired')]), inTime())).toMatchObject({ status: 'retry' })
    const silent = await startSmtp({ onConnect: () => undefined })
    expect(await mailTo(silent).send(messageOf([change('fired')]), AbortSignal.timeout(300))).toEqual({
      status: 'retry',
      reason: 'no answer in time',
    })
  })

  test('a test says that it is one', async () => {
    await mailTo(await startSmtp()).send(messageOf([], { isTest: true }), inTime())
    expect(mails[0]?.headers.get('subject')).toBe('[headroom] test of the route admins')
    expect(mails[0]?.body).toContain('nothing is wrong')
  })
})

function reasonIn(outcome: Outcome): string {
  return 'reason' in outcome ? outcome.reason : ''
}

function smtpError({ code, text = 'refused' }: Refusal): Error {
  return Object.assign(new Error(text), { responseCode: code })
}

/** Headers, unfolded and decoded, by name in small letters; and the body as text. */
function parsed(raw: string): Pick<Mail, 'headers' | 'body'> {
  const end = raw.indexOf('\r\n\r\n')
  const lines = raw
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), decodedWords(line.slice(colon + 1).trim())]
    }),
  )
  const body = raw.slice(end + 4)
  const encoding = headers.get('content-transfer-encoding')
  const bytes =
    encoding === 'base64'
      ? Buffer.from(body, 'base64')
      : Buffer.from(encoding === 'quoted-printable' ? unquoted(body) : body, 'latin1')
  return { headers, body: bytes.toString('utf8').replaceAll('\r\n', '\n') }
}

function decodedWords(text: string): string {
  return text
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?utf-8\?([qb])\?([^?]*)\?=/gi, (_all, kind: string, word: string) =>
      kind.toLowerCase() === 'b'
        ? Buffer.from(word, 'base64').toString('utf8')
        : Buffer.from(unquoted(word.replaceAll('_', ' ')), 'latin1').toString('utf8'),
    )
}

function unquoted(text: string): string {
  return text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
