import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import { ConfigError } from '../../common/config-error.js'
import { GiB, MiB } from '../../common/units.js'
import { checkTable } from '../model/check-table.js'
import { defaultPolicy, loadPolicy, parsePolicy } from './policy-file.js'

const file = (path: string): string => fileURLToPath(new URL(`../../deploy/${path}`, import.meta.url))

describe('policy.yaml', () => {
  it('has these defaults', () => {
    const { thresholds, ...rest } = defaultPolicy
    expect(rest).toEqual({
      limits: {
        vmMemoryBytes: GiB,
        hostReserveBytes: 2 * GiB,
        classMemoryBytes: { core: undefined, personal: undefined },
        vcpusPerCore: undefined,
      },
      groups: [],
      hosts: [],
      arrays: [],
      services: [],
      apart: [],
      approvals: [],
      exceptions: [],
      routes: [],
      silences: [],
      heartbeat: undefined,
      moves: {
        pin: [],
        together: [],
        minGain: 0.05,
        holdRounds: 3,
        coolDownMs: 3_600_000,
        mostPerPlan: 50,
        mostPerHost: 10,
        mostPerArray: 50,
        automatic: [],
      },
    })
    expect(Object.keys(thresholds)).toEqual(Object.keys(checkTable))
    expect(thresholds['near-miss']).toEqual({
      severity: undefined,
      raiseAfterMs: 120_000,
      clearAfterMs: 300_000,
      within: 0.0625,
    })
    expect(parsePolicy('', 'policy.yaml').policy).toEqual(defaultPolicy)
  })

  it('reads all keys', () => {
    const text = `
limits: { vmMemory: 512MiB, hostReserve: 1GiB, classMemory: { personal: 2GiB }, vcpusPerCore: 2.5 }
hosts:
  - { match: "xen*", role: core }
  - { match: [big, huge], reserve: 8GiB }
groups:
  - { name: lab, match: [a, "b*"], class: core, owner: "{vm}@lab" }
  - name: else
services:
  - { name: mail, members: [mail1, mail2] }
  - { name: dns }
apart:
  - [a, b]
  - ["db*"]
approvals:
  - { vms: ["core-*"], risk: [destructive], role: admin, within: 10m }
arrays:
  - { match: "iscsi:*", name: iscsi1, join: true, cache: 512MiB, drain: 25MB/s, bulkCopy: 60MB/s }
exceptions:
  - { vm: a, rule: core-on-shared-storage, reason: on purpose }
  - host: "h*"
    rule: host-failure
    reason: nothing can be done
thresholds:
  near-miss: { severity: warning, raiseAfter: 10s, clearAfter: 1h, within: 10% }
routes:
  - { name: all, to: [{ email: { to: ["{owner}@lab"] } }] }
  - name: some
    match: { severity: [warning, critical], check: "*-room", group: lab, owner: "a*" }
    to:
      - alertmanager: { url: "http://127.0.0.1:9093", resend: 30s, user: me, passwordFile: /etc/password }
      - webhook: { url: "https://hook.example/a", secretFile: /etc/secret }
    groupBy: [host, check]
    groupWait: 0s
    groupInterval: 5m
    repeat: 1d
silences:
  - { match: { check: no-room, subject: "host:a*" }, until: 2012-01-15T18:00:00+09:00, author: me, reason: moving }
heartbeat: { every: 30s, url: "https://alive.example/x", alertmanager: { url: "http://127.0.0.1:9093" } }
`
    const { policy, lines } = parsePolicy(text, 'policy.yaml')
    expect(policy).toEqual({
      limits: {
        vmMemoryBytes: 512 * MiB,
        hostReserveBytes: GiB,
        classMemoryBytes: { core: undefined, personal: 2 * GiB },
        vcpusPerCore: 2.5,
      },
      hosts: [
        { match: ['xen*'], role: 'core', reserveBytes: undefined },
        { match: ['big', 'huge'], role: undefined, reserveBytes: 8 * GiB },
      ],
      groups: [
        { name: 'lab', match: ['a', 'b*'], class: 'core', owner: '{vm}@lab' },
        { name: 'else', match: [], class: undefined, owner: undefined },
      ],
      services: [
        { name: 'mail', members: ['mail1', 'mail2'] },
        { name: 'dns', members: [] },
      ],
      apart: [['a', 'b'], ['db*']],
      moves: defaultPolicy.moves,
      approvals: [{ vms: ['core-*'], verbs: undefined, risks: ['destructive'], role: 'admin', withinMs: 600_000 }],
      arrays: [
        {
          match: ['iscsi:*'],
          name: 'iscsi1',
          join: true,
          cacheBytes: 512 * MiB,
          drainBytesPerSecond: 25e6,
          bulkCopyBytesPerSecond: 60e6,
        },
      ],
      exceptions: [
        { vm: 'a', host: undefined, rule: 'core-on-shared-storage', reason: 'on purpose' },
        { vm: undefined, host: 'h*', rule: 'host-failure', reason: 'nothing can be done' },
      ],
      thresholds: {
        ...defaultPolicy.thresholds,
        'near-miss': { severity: 'warning', raiseAfterMs: 10_000, clearAfterMs: 3_600_000, within: 0.1 },
      },
      routes: [
        {
          name: 'all',
          match: {},
          to: [{ kind: 'email', to: ['{owner}@lab'] }],
          groupBy: ['check'],
          groupWaitMs: 5000,
          groupIntervalMs: 30_000,
          repeatMs: 43_200_000,
        },
        {
          name: 'some',
          match: { severity: ['warning', 'critical'], check: '*-room', group: 'lab', owner: 'a*' },
          to: [
            {
              kind: 'alertmanager',
              url: 'http://127.0.0.1:9093',
              resendMs: 30_000,
              user: 'me',
              passwordFile: '/etc/password',
            },
            { kind: 'webhook', url: 'https://hook.example/a', secretFile: '/etc/secret' },
          ],
          groupBy: ['host', 'check'],
          groupWaitMs: 0,
          groupIntervalMs: 300_000,
          repeatMs: 86_400_000,
        },
      ],
      silences: [
        {
          match: { check: 'no-room', subject: 'host:a*' },
          untilMs: Date.parse('2012-01-15T09:00:00Z'),
          author: 'me',
          reason: 'moving',
        },
      ],
      heartbeat: {
        everyMs: 30_000,
        url: 'https://alive.example/x',
        alertmanager: { kind: 'alertmanager', url: 'http://127.0.0.1:9093', resendMs: 60_000 },
      },
    })
    expect(Object.fromEntries(lines)).toEqual({
      'hosts.0': 4,
      'hosts.1': 5,
      'groups.0': 7,
      'groups.1': 8,
      'services.0': 10,
      'services.1': 11,
      'apart.0': 13,
      'apart.1': 14,
      'approvals.0': 16,
      'arrays.0': 18,
      'exceptions.0': 20,
      'exceptions.1': 21,
      'routes.0': 27,
      'routes.1': 28,
      'silences.0': 38,
    })
  })

  it('keeps the other limit at its default', () => {
    const { limits } = parsePolicy('limits: { hostReserve: 0B }', 'p').policy
    expect(limits).toEqual({ ...defaultPolicy.limits, hostReserveBytes: 0 })
  })

  it('comes with a sample that holds the defaults', () => {
    expect(loadPolicy(file('config/policy.yaml')).policy).toEqual(defaultPolicy)
  })

  it('comes with a sample whose examples are taken', () => {
    const lines = readFileSync(file('config/policy.yaml'), 'utf8').split('\n')
    const examples = lines.flatMap(
      (text) => /^# (\w+:| {2,}- .*|(?:heartbeat|thresholds): \{.*)$/.exec(text)?.[1] ?? [],
    )
    const { policy } = parsePolicy(examples.join('\n'), 'examples')
    const { hosts, groups, services, apart, arrays, exceptions, routes, silences } = policy
    const lists = [hosts, groups, services, apart, arrays, exceptions, routes, silences]
    expect(lists.map(({ length }) => length)).toEqual([2, 2, 1, 1, 1, 1, 2, 1])
    expect(policy.heartbeat?.everyMs).toBe(60_000)
    expect(policy.thresholds['no-room'].severity).toBe('warning')
  })

  it('comes with the elab as an example', () => {
    const { policy, lines } = loadPolicy(file('policy/elab.yaml'))
    expect(policy.groups.map(({ name, match }) => [name, match.length])).toEqual([
      ['department', 4],
      ['core', 9],
      ['personal', 15],
      ['other', 3],
    ])
    expect(policy.exceptions.map(({ vm, host }) => vm ?? host)).toEqual(['bell', 'esxhv01', 'panda'])
    const text = readFileSync(file('policy/elab.yaml'), 'utf8').split('\n')
    expect(text[(lines.get('exceptions.2') ?? 0) - 1]).toContain('panda')
  })

  it.each<[string, Uint8Array, string]>([
    ['no UTF-8', Uint8Array.of(0x6c, 0xff, 0xfe), '1: the file: expected text in UTF-8, got the byte 0xFF'],
    ['too long', new Uint8Array(262_145).fill(35), ' the file: expected at most 262144 bytes, got 262145 bytes'],
  ])('refuses a file that is %s', (_what, bytes, message) => {
    const directory = mkdtempSync(join(tmpdir(), 'headroom-policy-'))
    const path = join(directory, 'p.yaml')
    writeFileSync(path, bytes)
    expect(() => loadPolicy(path)).toThrow(`${path}:${message}`)
    rmSync(directory, { recursive: true })
  })

  it('must be there', () => {
    expect(() => loadPolicy('/nonexistent/policy.yaml')).toThrow(ConfigError)
    expect(() => loadPolicy('/nonexistent/policy.yaml')).toThrow('expected a readable file, got ENOENT')
  })
})
