import { afterEach, describe, expect, it } from 'vitest'

import { openMetricsServer, type AgentStatus } from './metrics-server.js'

const now = 1_000_000
const healthy: AgentStatus = {
  version: '0.1.0',
  connected: true,
  problem: '',
  reconnects: 2,
  spoolReports: 3,
  spoolBytes: 4096,
  droppedReports: 5,
  commands: {
    ended: [{ verb: 'start', end: 'succeeded', count: 4, seconds: 1.5 }],
    waiting: 1,
    running: 2,
    turnedAway: 6,
    limitedVms: 8,
  },
  waitingFor: '',
  unopened: [],
  hosts: [
    {
      name: 'one',
      unreachable: false,
      problem: '',
      lastPassAt: now - 1000,
      skippedTicks: 7,
      collectors: [
        { name: 'cpu', durationSeconds: 0.001, success: true },
        { name: 'net', durationSeconds: 0.002, success: false },
      ],
    },
  ],
}

let server: Awaited<ReturnType<typeof openMetricsServer>> | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

async function ask(
  status: AgentStatus,
  path: string,
  method = 'GET',
): Promise<{ code: number; type: string; text: string }> {
  server = await openMetricsServer({
    host: '127.0.0.1',
    port: 0,
    status: () => status,
    now: () => now,
    staleAfterMs: () => 50_000,
  })
  const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method })
  return { code: answer.status, type: answer.headers.get('content-type') ?? '', text: await answer.text() }
}

/** Samples of a Prometheus text; throws on a line that is none. */
function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>()
  const typed = new Set<string>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue
    const type = /^# TYPE ([a-z_:][\w:]*) (gauge|counter|histogram|summary|untyped)$/i.exec(line)
    if (type?.[1] !== undefined) {
      typed.add(type[1])
      continue
    }
    const sample = /^([a-z_:][\w:]*)(\{(?:[a-z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?[\d.e+-]+)$/i.exec(line)
    if (sample?.[1] === undefined) throw new Error(`no Prometheus text: ${line}`)
    if (!typed.has(sample[1])) throw new Error(`no type before: ${line}`)
    samples.set(`${sample[1]}${sample[2] ?? ''}`, Number(sample[3]))
  }
  return samples
}

describe('/metrics', () => {
  it('is Prometheus text', async () => {
    const { code, type, text } = await ask(healthy, '/metrics')
    expect([code, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
    const samples = samplesOf(text)
    expect(Object.fromEntries(samples)).toMatchObject({
      headroom_agent_connected: 1,
      headroom_agent_reconnects_total: 2,
      headroom_agent_spool_reports: 3,
      headroom_agent_spool_bytes: 4096,
      headroom_agent_dropped_reports_total: 5,
      'headroom_agent_hypervisor_up{host="one"}': 1,
      'headroom_agent_skipped_ticks_total{host="one"}': 7,
      'headroom_agent_collector_success{host="one",collector="cpu"}': 1,
      'headroom_agent_collector_success{host="one",collector="net"}': 0,
      'headroom_agent_collector_duration_seconds{host="one",collector="net"}': 0.002,
    })
    expect(samples.get('headroom_agent_resident_memory_bytes')).toBeGreaterThan(1e6)
    expect([...samples.values()].filter((value) => !Number.isFinite(value))).toEqual([])
  })

  it('stays so with a host name of any characters', async () => {
    const hosts = healthy.hosts.map((host) => ({ ...host, name: 'a"b\\c\nd', unreachable: true }))
    const samples = samplesOf((await ask({ ...healthy, hosts }, '/metrics')).text)
    expect(samples.get('headroom_agent_hypervisor_up{host="a\\"b\\\\c\\nd"}')).toBe(0)
  })
})

describe('/healthz', () => {
  const [one] = healthy.hosts
  if (one === undefined) throw new Error('no host')
  it.each<[string, Partial<AgentStatus>, number, string[]]>([
    ['all is well', {}, 200, []],
    ['nothing is read yet', { waitingFor: 'libvirt is not there' }, 503, ['libvirt is not there']],
    ['no controller', { connected: false }, 503, ['not connected to the controller']],
    ['a known problem', { connected: false, problem: 'revoked' }, 503, ['revoked']],
    ['no hypervisor', { hosts: [{ ...one, unreachable: true }] }, 503, ['the hypervisor of one cannot be read']],
    [
      'no hypervisor, and why',
      { hosts: [{ ...one, unreachable: true, problem: 'the host key of one has changed' }] },
      503,
      ['the hypervisor of one cannot be read: the host key of one has changed'],
    ],
    ['half of it', { hosts: [{ ...one, problem: 'the reader is gone' }] }, 503, ['one: the reader is gone']],
    ['another host that is not there', { unopened: ['two is not there'] }, 503, ['two is not there']],
    ['no pass yet', { hosts: [{ ...one, lastPassAt: undefined }] }, 503, ['no pass over one has ended lately']],
    ['a pass long ago', { hosts: [{ ...one, lastPassAt: now - 50_001 }] }, 503, ['no pass over one has ended lately']],
    ['a pass just in time', { hosts: [{ ...one, lastPassAt: now - 50_000 }] }, 200, []],
  ])('%s', async (_name, change, code, problems) => {
    const answer = await ask({ ...healthy, ...change }, '/healthz')
    expect([answer.code, JSON.parse(answer.text)]).toEqual([code, { ok: problems.length === 0, problems }])
  })
})

it.each([
  ['/', 'GET', 404],
  ['/metrics/x', 'GET', 404],
  ['/metrics', 'POST', 405],
  ['/healthz', 'DELETE', 405],
])('%s by %s is %i', async (path, method, code) => {
  expect((await ask(healthy, path, method)).code).toBe(code)
})

it('refuses a port that is taken, and closes at once with an idle connection', async () => {
  server = await openMetricsServer({
    host: '127.0.0.1',
    port: 0,
    status: () => healthy,
    now: () => now,
    staleAfterMs: () => 1,
  })
  const { port } = server
  const again = openMetricsServer({
    host: '127.0.0.1',
    port,
    status: () => healthy,
    now: () => now,
    staleAfterMs: () => 1,
  })
  await expect(again).rejects.toThrow('EADDRINUSE')
  await (await fetch(`http://127.0.0.1:${port}/healthz`)).text()
  const began = performance.now()
  await server.close()
  expect(performance.now() - began).toBeLessThan(500)
  server = undefined
})
