import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, expect, it, vi } from 'vitest'

import type { AgentStatus } from './metrics-server.js'
import { showStatus, statusLine } from './service-status.js'

const well: AgentStatus = {
  version: '',
  connected: true,
  problem: '',
  reconnects: 0,
  spoolReports: 0,
  spoolBytes: 0,
  droppedReports: 0,
  hosts: [{ name: 'hv07', unreachable: false, problem: '', lastPassAt: 1, skippedTicks: 0, collectors: [] }],
  commands: { ended: [], waiting: 0, running: 0, turnedAway: 0, limitedVms: 0 },
  waitingFor: '',
  unopened: [],
}
const hv08 = { name: 'hv08', unreachable: true, problem: 'x', lastPassAt: 1, skippedTicks: 0, collectors: [] }

it.each<[what: string, status: Partial<AgentStatus>, line: string]>([
  ['all is well', {}, 'connected to the controller'],
  ['it waits', { connected: false, hosts: [], waitingFor: 'not enrolled yet: …' }, 'not enrolled yet: …'],
  ['the network is down', { connected: false }, 'not connected to the controller'],
  ['revoked', { connected: false, problem: 'this agent was revoked' }, 'this agent was revoked'],
  ['libvirt is gone', { hosts: [...well.hosts, hv08] }, 'the hypervisor of hv08 cannot be read'],
  ['another host is not there yet', { unopened: ['two is not there'] }, 'two is not there'],
  [
    'both',
    { connected: false, hosts: [hv08] },
    'not connected to the controller; the hypervisor of hv08 cannot be read',
  ],
  ['another assignment', { connected: false, problem: 'a\nMAINPID=1\u0000b' }, 'a MAINPID=1 b'],
])('when %s', (_what, status, line) => {
  expect(statusLine({ ...well, ...status })).toBe(line)
})

it('is bounded', () => {
  expect(statusLine({ ...well, waitingFor: 'x'.repeat(9999) })).toHaveLength(500)
})

afterEach(() => {
  vi.useRealTimers()
})

it('what could not be said once is said later: a line that is old is worse than none', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headroom-status-'))
  const said = join(directory, 'said')
  const program = join(directory, 'systemd-notify')
  // A stand-in for systemd's own program: its first word is not heard.
  writeFileSync(program, `#!/bin/sh\necho "$*" >> ${said}\n[ "$(wc -l < ${said})" -gt 1 ]\n`)
  chmodSync(program, 0o755)
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  let line = 'well'
  const hide = showStatus(() => line, { PATH: `${directory}:/usr/bin:/bin`, NOTIFY_SOCKET: '@s' })
  const lines = (): string[] => readFileSync(said, 'utf8').trim().split('\n')
  const until = (expected: readonly string[]): Promise<void> =>
    vi.waitFor(() => {
      vi.advanceTimersByTime(3000)
      expect(lines()).toEqual(expected)
    }, 10_000)
  await until(['--status=well'])
  line = 'ill'
  await until(['--status=well', '--status=ill'])
  line = 'well again'
  await until(['--status=well', '--status=ill', '--status=well again'])
  hide()
  rmSync(directory, { recursive: true })
})
