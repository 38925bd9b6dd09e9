import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterEach, describe, expect, test } from 'vitest'

import { createLocalFiles } from '../../agent/host/local-files.js'
import { defaultRoots } from '../../agent/host/roots.js'
import { reportToWire } from '../../agent/report/report-to-wire.js'
import { healthByDefault, openStorageHealth } from '../../agent/storage/health/open-storage-health.js'
import type { StorageHealthReader } from '../../agent/storage/health/storage-health.js'
import { fleetFindings } from '../../controller/checks/fleet-findings.js'
import { Fleet } from '../../controller/fleet/fleet.js'
import { FieldCheck } from '../../controller/ingest/field-check.js'
import { reportFromWire } from '../../controller/ingest/report-from-wire.js'
import { defaultPolicy } from '../../controller/policy/policy-file.js'
import { FromAgent } from '../../proto/gen/headroom/v1/agent.js'
import { readerOf, shells } from '../support/reader-process.js'

// The whole way of the storage's health, from files and real programs of the host to what the checks say.

const { signal } = new AbortController()
const atMs = Date.UTC(2026, 2, 1, 12)
const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'headroom-storage-'))
  stops.push(() => rmSync(path, { recursive: true }))
  return path
}

/** A controller's fleet with one host; gives what the checks say of its storage after a report. */
function controller(): (reader: StorageHealthReader) => Promise<string[]> {
  const fleet = new Fleet()
  const host = { hostId: 'h', name: 'hv1', kind: 'kvm', bootId: 'b', simulated: false, capabilities: [] } as const
  fleet.apply({ type: 'agent-connected', agentId: 'a', name: 'a', version: '1', hosts: [host], clockOffsetMs: 0 }, atMs)
  let seq = 0
  return async (reader) => {
    await reader.refresh(signal)
    const pass = {
      lane: 'state',
      atMs,
      vms: [],
      gaps: [],
      host: undefined,
      arrays: [],
      events: [],
      collectors: [],
    } as const
    const header = { spoolId: 's', seq: (seq += 1), hostId: 'h', bootId: 'b', agent: undefined }
    const sent = FromAgent.encode(reportToWire({ ...pass, storageHealth: reader.latest }, header)).finish()
    const { message } = FromAgent.decode(sent)
    const check = new FieldCheck()
    if (message?.$case !== 'report') throw new Error('not a report')
    const report = reportFromWire(message.value, check, { offsetMs: 0, now: atMs })
    expect([...check.refused]).toEqual([])
    if (report === undefined) throw new Error('the report was refused')
    const { points } = fleet.apply({ type: 'report', agentId: 'a', report }, atMs)
    const findings = fleetFindings(fleet.snapshot(), defaultPolicy).stands.filter(
      ({ check: name }) => name !== 'room-unknown',
    )
    // What a finding rests on is stored.
    for (const { entityId, field, value } of findings.flatMap(({ evidence }) => evidence)) {
      expect(points.find(({ entity }) => entity.id === entityId)?.fields[field]).toBe(value)
    }
    return findings.map(({ severity, check: name, message: text }) => `${severity} ${name}: ${text}`)
  }
}

/** Hand-written after drivers/md/md.c of the kernel: there is no md here. */
const mdstat = (members: string, state: string, more = ''): string =>
  `Personalities : [raid1] \nmd0 : active raid1 ${members}\n      1046528 blocks super 1.2 ${state}\n${more}\nunused devices: <none>\n`

const mirrorStates: readonly (readonly [string, string, readonly string[]])[] = [
  ['whole', mdstat('sdb1[1] sda1[0]', '[2/2] [UU]'), []],
  [
    'a member failed',
    mdstat('sdb1[1](F) sda1[0]', '[2/1] [U_]'),
    ['critical raid-degraded: md0 (raid1) has 1 of 2 devices in sync; failed: sdb1'],
  ],
  [
    'it is rebuilt',
    mdstat(
      'sdc1[2] sda1[0]',
      '[2/1] [U_]',
      '      [==>....]  recovery = 12.6% (131072/1046528) finish=0.5min speed=32768K/sec\n',
    ),
    [
      'critical raid-degraded: md0 (raid1) has 1 of 2 devices in sync',
      'warning raid-rebuilding: md0 (raid1) is rebuilt onto a device, 12% done at 33.6 MB/s',
    ],
  ],
  ['whole again', mdstat('sdc1[2] sda1[0]', '[2/2] [UU]'), []],
]

describe('a mirror of md, from its file to the findings', () => {
  const mdOnly = { ...healthByDefault, smartctl: 'off', storcli: 'off', lvm: 'off' }

  test('on this machine', async () => {
    const root = directory()
    mkdirSync(join(root, 'proc'))
    const roots = { procRoot: join(root, 'proc'), sysRoot: join(root, 'sys'), rootFs: root }
    const files = createLocalFiles()
    const reader = openStorageHealth(mdOnly, { ...roots, files, now: () => atMs, runsPrograms: true })
    const findings = controller()
    for (const [what, text, expected] of mirrorStates) {
      writeFileSync(join(root, 'proc/mdstat'), text)
      expect(await findings(reader), what).toEqual(expected)
    }
  })

  test.each(shells.map((shell) => [shell.join(' '), shell] as const))(
    'on another machine, by the reader in %s',
    async (_name, shell) => {
      const root = directory()
      for (const [path, text] of [
        ['proc/mdstat', ''],
        ['proc/sys/kernel/random/boot_id', '0d9c8a3e-3f0e-4d9a-8d5a-000000000001\n'],
        ['proc/diskstats', ''],
        ['sys/block/md0/size', '2093056\n'],
        ['dev/null', ''],
      ] as const) {
        mkdirSync(dirname(join(root, path)), { recursive: true })
        writeFileSync(join(root, path), text)
      }
      const { reader: files, stream } = readerOf(shell, ['--root', root])
      stops.push(() => stream.close())
      const far = { ...defaultRoots, files: files.files, now: () => atMs, runsPrograms: false }
      const reader = openStorageHealth(healthByDefault, far)
      const findings = controller()
      await files.refresh('inventory')
      for (const [what, text, expected] of mirrorStates) {
        writeFileSync(join(root, 'proc/mdstat'), text)
        await files.refresh('state')
        expect(await findings(reader), what).toEqual(expected)
      }
      expect(reader.latest?.sources.map(({ name, state }) => [name, state])).toEqual([
        ['md', 'read'],
        ['raid-controller', 'not-here'],
        ['smart', 'not-here'],
        ['lvm', 'not-here'],
      ])
    },
  )
})

describe('real programs', () => {
  const ofThisMachine = (settings: Partial<typeof healthByDefault>): StorageHealthReader =>
    openStorageHealth(
      { ...healthByDefault, md: false, smartctl: 'off', storcli: 'off', lvm: 'off', ...settings },
      { ...defaultRoots, files: createLocalFiles(), now: () => atMs, runsPrograms: true },
    )
  const run = (program: string, ...args: readonly string[]): string =>
    execFileSync(program, args, {
      encoding: 'utf8',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LVM_SUPPRESS_FD_WARNINGS: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim()

  const filesIn = (path: string): string[] => (existsSync(path) ? readdirSync(path) : [])

  /** A loop device over a new file. */
  function loopDevice(bytes: number): { readonly path: string; detach(): void } {
    const file = join(directory(), 'disk')
    writeFileSync(file, '')
    truncateSync(file, bytes)
    const path = run('losetup', '--find', '--show', file)
    let isAttached = true
    const detach = (): void => {
      if (isAttached) run('losetup', '--detach', path)
      isAttached = false
    }
    stops.push(detach)
    return { path, detach }
  }

  test('LVM2 on loop devices: a volume group, and the same when a device is gone', async () => {
    const [first, second] = [loopDevice(128 * 2 ** 20), loopDevice(64 * 2 ** 20)]
    const name = `headroom-test-${process.pid}`
    run('vgcreate', '--yes', '--autobackup', 'n', name, first.path, second.path)
    const reader = ofThisMachine({ lvm: 'auto' })
    const findings = controller()
    expect(await findings(reader)).toEqual([])
    const ours = (): unknown => reader.latest?.items.lvm.find((pool) => pool.name === name)
    // 4 MiB of each device are the group's own.
    const sizeBytes = (124 + 60) * 2 ** 20
    const group = { name, kind: 'volume-group', sizeBytes, freeBytes: sizeBytes, missingDevices: 0 }
    expect(ours()).toEqual(group)
    second.detach()
    expect(await findings(reader)).toEqual([`critical raid-degraded: volume group ${name} lacks 1 physical volume`])
    expect(ours()).toEqual({ ...group, missingDevices: 1 })
    expect(
      ['backup', 'archive'].flatMap((kept) => filesIn(join('/etc/lvm', kept)).filter((file) => file.includes(name))),
    ).toEqual([])
  })

  test('smartctl of Debian: its scan is understood, whatever disks are here', async () => {
    const reader = ofThisMachine({ smartctl: 'auto' })
    await reader.refresh(signal)
    expect(reader.latest?.sources[0]?.reason).toBe('')
  })
})
