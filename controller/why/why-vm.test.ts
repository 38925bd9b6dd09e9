import { describe, expect, it } from 'vitest'

import { elabArrayKey, elabSnapshot } from '../../test/support/elab-fleet.js'
import { elabPolicy } from '../../test/support/elab-policy.js'
import { capacityOf } from '../../test/support/placed.js'
import { policyOf } from '../../test/support/policy-with.js'
import { builtAt, hostIdOf, known, uuidOf, withVm } from '../../test/support/snapshot-builder.js'
import { fleetFindings } from '../checks/fleet-findings.js'
import type { Alert } from '../model/alert.js'
import { finding, findingKey, subjectText, vmSubject, type Finding } from '../model/finding.js'
import type { FleetEvent, Host, Snapshot, Vm } from '../model/snapshot.js'
import type { Known, Reason } from './reason.js'
import { whyVm } from './why-vm.js'

const policy = elabPolicy()

function why(name: string, snapshot: Snapshot, more: Partial<Known> = {}): Reason[] {
  const vm = snapshot.vms.get(uuidOf(name))
  if (vm === undefined) throw new Error(`no VM ${name}`)
  return whyVm(vm, {
    snapshot,
    policy,
    findings: fleetFindings(snapshot, policy),
    capacity: capacityOf(snapshot, policy),
    alerts: new Map(),
    silences: [],
    events: [],
    ...more,
  })
}

function table(reasons: readonly Reason[]): string[] {
  return reasons.map(({ severity, topic, subject, says }) => `${severity} ${topic} ${subjectText(subject)}: ${says}`)
}

function withHost(snapshot: Snapshot, name: string, change: Partial<Host>): Snapshot {
  const host = snapshot.hosts.get(hostIdOf(name))
  if (host === undefined) throw new Error(`no host ${name}`)
  return { ...snapshot, hosts: new Map(snapshot.hosts).set(host.id, { ...host, ...change }) }
}

/** Disks that read nothing and write so many bytes a second, by VM. */
function writing(snapshot: Snapshot, bytesByVm: Readonly<Record<string, number>>): Snapshot {
  const disks = new Map(snapshot.disks)
  for (const [name, bytes] of Object.entries(bytesByVm)) {
    const disk = disks.get(`${uuidOf(name)}/vda`)
    if (disk === undefined) throw new Error(`no disk of ${name}`)
    const metrics = {
      readBytesPerSecond: known(0),
      writeBytesPerSecond: known(bytes),
      readRequestsPerSecond: known(0),
      writeRequestsPerSecond: known(bytes / 1e4),
      writeLatencyMs: known(34),
    }
    disks.set(disk.id, { ...disk, metrics })
  }
  return { ...snapshot, disks }
}

function alertOf(one: Finding, change: Partial<Alert> = {}): readonly [string, Alert] {
  const key = findingKey(one)
  const { severity } = one
  const alert: Alert = {
    key,
    number: 12,
    phase: 'firing',
    finding: one,
    severity,
    facts: { owners: [] },
    sighting: 'raised',
    startedAtMs: builtAt - 90_000,
    firedAtMs: builtAt - 60_000,
    flapping: false,
    ...change,
  }
  return [key, alert]
}

describe('why', () => {
  it('tells of a quiet VM what its host, its array, its neighbours and the policy make of it', () => {
    expect(table(why('mail', elabSnapshot()))).toEqual([
      'warning finding host:xenhv02: if it fails, not all its VMs find a place: its VMs need 6 GiB, 5 GiB is free on equal hypervisors, 1 GiB short; those on shared storage need 2.5 GiB and fit',
      'warning finding vm:kure: a personal VM on iscsi1, which core VMs use (auth, fleming, ggw and 6 more): its I/O slows theirs; this VM is its victim',
      'warning finding vm:tritm: a personal VM on iscsi1, which core VMs use (auth, fleming, ggw and 6 more): its I/O slows theirs; this VM is its victim',
      'warning finding vm:ictepc: a personal VM on iscsi1, which core VMs use (auth, fleming, ggw and 6 more): its I/O slows theirs; this VM is its victim',
      'info state vm:mail: running (booted) on xenhv02',
      'info label vm:mail: class core, by groups.1 of the policy',
      'info label vm:mail: group core, by groups.1 of the policy',
      'info label vm:mail: service mail-service, by services.0 of the policy',
      'info finding host:xenhv02: no room for a VM of 1 GiB: 0 B spare, 1 GiB short',
      'info finding host:xenhv02: if it fails, jo2lxq, gucchi, mozilla and 1 more (3.5 GiB) cannot start elsewhere until its local disks are moved',
      'info traffic array:iscsi1: what its VMs read and write is not known',
      'info load host:xenhv02: how busy its CPUs are is not known',
      'info room host:xenhv02: room for new VMs: 0; its VMs may grow to 6 GiB, 2 GiB is kept for the hypervisor',
      'info room host:xenhv02: if it fails, this VM finds a place elsewhere',
      'info label host:xenhv02: core host, by hosts.0 of the policy',
      ...['jo2lxq', 'gucchi', 'fiap-mgmt', 'mozilla'].map(
        (name) =>
          `info finding vm:${name}: a personal VM beside core VMs on xenhv02 (auth, mail and tesla); its disks are local; this VM is its victim`,
      ),
    ])
  })

  it('names who makes the traffic of its array, and by how much', () => {
    const snapshot = writing(elabSnapshot(), { mail: 1e6, kure: 78e6, www: 1e6, bell: 900e6 })
    const traffic = why('mail', snapshot).filter(({ topic }) => topic === 'traffic')
    expect(table(traffic)).toEqual([
      'info traffic array:iscsi1: carries 80 MB/s in 8000 requests/s of 12 VMs; this VM 1%, kure 98%, www 1%; of this VM writes take 34.0 ms',
    ])
    expect(why('bell', snapshot).filter(({ topic }) => topic === 'traffic')).toMatchObject([
      { says: expect.stringContaining('of 3 VMs; this VM 100%; of this VM') },
    ])
  })

  it('tells of a share of another machine only where its host mounts it', () => {
    const filer = {
      mount: '/vms',
      device: 'filer:/vms',
      type: 'nfs4',
      sizeBytes: 1e12,
      availableBytes: 1e9,
      files: 0,
      filesFree: 0,
      readOnly: false,
    }
    const snapshot = withHost(elabSnapshot(), 'xenhv02', { fileSystems: [filer] })
    const full = (name: string) => why(name, snapshot).filter(({ check }) => check === 'file-system-space')
    expect(table(full('mail'))).toEqual([
      'critical finding fleet: filer:/vms (/vms on xenhv02): 1 GB of 1 TB available (0.1%)',
    ])
    expect(full('bell')).toEqual([])
  })

  it('says who keeps its host busy', () => {
    const cores = (count: number): Partial<Vm> => ({ metrics: { cpuCores: known(count) } })
    const busy = withVm(withVm(elabSnapshot(), 'gucchi', cores(2.1)), 'mail', cores(0.3))
    const metrics = { cpuUsedCores: known(3.4), psiIoSomeFraction: known(0.4) }
    const load = why('mail', withHost(busy, 'xenhv02', { metrics })).filter(({ topic }) => topic === 'load')
    expect(load.map(({ says }) => says)).toEqual([
      '3.40 of 4 CPUs busy; most by gucchi 2.10, this VM 0.30; its tasks wait 40% of the time for I/O',
    ])
  })

  it('puts an alert that names it before one of its host, and says how each stands', () => {
    const snapshot = elabSnapshot()
    const kure = { uuid: uuidOf('kure'), name: 'kure' }
    const mail = { uuid: uuidOf('mail'), name: 'mail' }
    const hammers = finding({
      check: 'vm-hammers-array',
      severity: 'warning',
      subject: vmSubject(kure),
      message: 'it makes 98% of what iscsi1 carries',
      related: [
        { role: 'victim', subject: vmSubject(mail) },
        { role: 'partner', subject: { kind: 'array', id: elabArrayKey, name: 'iscsi1' } },
      ],
    })
    const slow = finding({
      check: 'vm-disk-latency',
      severity: 'warning',
      subject: vmSubject(mail),
      message: 'its writes take 34 ms',
    })
    const alerts = new Map([
      alertOf(slow, { number: 13, inhibitedBy: findingKey(hammers), firedAtMs: builtAt - 90_000 }),
      alertOf(hammers, { acknowledged: { author: 'ann', atMs: builtAt, note: 'called him' } }),
    ])
    const findings = { stands: [hammers, slow], kept: [], excepted: [] }
    const said = why('mail', snapshot, { findings, alerts })
    expect(said.slice(0, 2)).toMatchObject([
      {
        topic: 'alert',
        alert: 13,
        says: 'its writes take 34 ms (alert 13 fires, explained by vm-hammers-array of vm:kure)',
      },
      {
        topic: 'alert',
        alert: 12,
        check: 'vm-hammers-array',
        says: 'it makes 98% of what iscsi1 carries; this VM is its victim (alert 12 fires, acknowledged by ann: called him)',
      },
    ])
    // As near and as bad, and later: what explains it comes first all the same.
    const ofArray = (check: string) =>
      finding({
        check,
        severity: 'warning',
        subject: { kind: 'array', id: elabArrayKey, name: 'iscsi1' },
        message: check,
      })
    const [cache, latency] = [ofArray('array-cache'), ofArray('array-latency')]
    const both = why('mail', snapshot, {
      findings: { stands: [latency, cache], excepted: [] },
      alerts: new Map([
        alertOf(latency, { inhibitedBy: findingKey(cache), firedAtMs: builtAt - 1000 }),
        alertOf(cache, { firedAtMs: builtAt - 60_000 }),
      ]),
    })
    expect(both.slice(0, 2).map(({ check }) => check)).toEqual(['array-cache', 'array-latency'])
    // Over, not ended: it is not found any more, and still fires.
    const over = why('mail', snapshot, {
      findings: { stands: [], excepted: [] },
      alerts: new Map([alertOf(slow, { sighting: 'clear' })]),
    })
    expect(over[0]?.says).toContain('alert 12 fires, it is over, and ends when that has lasted')
  })

  it.each<[string, Partial<Vm>, Partial<Host>, string]>([
    [
      'crashed',
      { state: 'crashed', stateReason: 'panicked' },
      {},
      'critical state vm:mail: crashed (panicked) on xenhv02',
    ],
    ['off', { state: 'shutoff', stateReason: '' }, {}, 'warning state vm:mail: shutoff on xenhv02'],
    [
      'stuck',
      { gaps: [{ vmUuid: '', group: 'block', reason: 'deadline', message: 'no answer in 5 s', sinceMs: builtAt }] },
      {},
      'warning unknown vm:mail: block could not be read: deadline: no answer in 5 s',
    ],
    [
      'on a silent host',
      {},
      { status: 'silent' },
      'warning unknown host:xenhv02: the host is silent: all that is said of this VM is what was known last',
    ],
    [
      'where some things are not measured',
      {},
      {
        capabilities: [
          { name: 'disk-latency', support: 'no', reason: 'Xen 3.4 counts none' },
          { name: 'cpu', support: 'yes', reason: '' },
          { name: 'disk-flush', support: 'degraded', reason: 'counted, not timed' },
          { name: 'host-psi', support: 'no', reason: 'the kernel has none' },
        ],
      },
      'info unknown host:xenhv02: not measured: disk-latency, host-psi; in part: disk-flush (headroom agent capabilities says why)',
    ],
  ])('says of one that is %s what that means', (_what, vm, host, expected) => {
    const snapshot = withHost(withVm(elabSnapshot(), 'mail', vm), 'xenhv02', host)
    expect(table(why('mail', snapshot))).toContain(expected)
  })

  it('says that it runs twice, before all else', () => {
    const uuid = uuidOf('mail')
    const placement = {
      vmUuid: uuid,
      hostId: hostIdOf('xenhv02'),
      runningOn: [hostIdOf('xenhv02'), hostIdOf('xenhv03')],
      doubled: true,
    }
    const snapshot = { ...elabSnapshot(), placements: new Map([[uuid, placement]]) }
    expect(table(why('mail', snapshot))[0]).toBe(
      'critical finding vm:mail: it runs on xenhv02 and xenhv03 at once; what both write to a shared disk destroys it',
    )
  })

  it('tells what happened of late; a crash within a day is a warning', () => {
    const event = (ageMs: number, change: Partial<FleetEvent>): FleetEvent => ({
      at: builtAt - ageMs,
      hostId: hostIdOf('xenhv02'),
      vmUuid: uuidOf('mail'),
      vmName: 'mail',
      kind: 'crashed',
      reason: 'panicked',
      message: '',
      ...change,
    })
    const events = [
      event(3_600_000, {}),
      event(3_500_000, { kind: 'started', reason: 'booted' }),
      event(100_000_000, {}),
      event(200_000_000, { hostId: hostIdOf('xenhv03'), kind: 'stopped', reason: 'migrated' }),
      event(300_000_000, { vmUuid: '', vmName: '', kind: 'hypervisor-back', reason: 'booted', message: 'after 2 h' }),
    ]
    const told = why('mail', elabSnapshot(), { events }).filter(({ topic }) => topic === 'event')
    expect(table(told)).toEqual([
      'warning event vm:mail: crashed (panicked)',
      'info event vm:mail: started (booted)',
      'info event vm:mail: crashed (panicked)',
      'info event vm:mail: stopped (migrated) on xenhv03',
      'info event host:xenhv02: hypervisor-back (booted): after 2 h',
    ])
    const unread = why('mail', elabSnapshot(), { events: undefined })
    expect(table(unread)).toContain('info unknown vm:mail: what happened of late cannot be read')
  })

  it('shows what exceptions and silences hide', () => {
    const silences = [
      {
        id: 's1',
        match: { subject: 'vm:be*' },
        createdAtMs: builtAt,
        untilMs: builtAt + 1,
        author: 'ann',
        reason: 'moving',
      },
      { id: 's2', match: { check: 'array-*' }, createdAtMs: 0, untilMs: builtAt + 1, author: 'file', reason: 'noisy' },
      { id: 's3', match: { subject: 'vm:mail' }, createdAtMs: 0, untilMs: builtAt + 1, author: 'ann', reason: 'other' },
    ]
    const hidden = why('bell', elabSnapshot(), { silences }).filter(({ topic }) => topic === 'hidden')
    expect(table(hidden)).toEqual([
      'info hidden vm:bell: silence s1 of ann: nobody is told of everything (moving)',
      'info hidden vm:bell: excepted by exceptions.0: a core VM on local storage of xenhv01 (local:id-xenhv01:0): it is lost with the host and cannot move while it runs (too heavy for the array; on local disk on purpose)',
      'info hidden fleet: silence s2 of file: nobody is told of what array-* says (noisy)',
    ])
  })

  it('knows a box that the policy joins by its id and its name', () => {
    const joining = policyOf(`arrays: [{ name: the box, match: "iscsi:*", join: true }]`)
    const subject = { kind: 'array', id: 'joined:the box', name: 'the box' } as const
    const stands = [finding({ check: 'array-cache', severity: 'critical', subject, message: 'it is full' })]
    const silence = { id: 's1', match: { subject: 'array:the box' }, createdAtMs: 0, untilMs: builtAt + 1 }
    const known = { policy: joining, findings: { stands, excepted: [] } }
    const reasons = why('mail', elabSnapshot(), {
      ...known,
      silences: [{ ...silence, author: 'ann', reason: 'tests' }],
    })
    expect(table(reasons)).toEqual(
      expect.arrayContaining([
        'critical finding array:the box: it is full',
        'info hidden array:the box: silence s1 of ann: nobody is told of everything (tests)',
      ]),
    )
  })

  it('does not drown in what is said of neighbours', () => {
    const about = (name: string): Finding =>
      finding({
        check: 'slow',
        severity: name === 'www' ? 'critical' : 'warning',
        subject: vmSubject({ uuid: uuidOf(name), name }),
        message: name,
      })
    const names = ['maxwell', 'fleming', 'lupin', 'ggw', 'ns', 'tesla', 'auth', 'kure', 'tritm', 'www', 'bell', 'panda']
    const findings = { stands: names.map(about), kept: [], excepted: [] }
    const said = why('mail', elabSnapshot(), { findings }).filter(({ topic }) => topic === 'finding')
    // bell and panda share nothing with it.
    expect(said.map(({ says }) => says)).toEqual([
      'www',
      'maxwell',
      'fleming',
      'lupin',
      'ggw',
      'ns',
      'tesla',
      'auth',
      '2 more findings about its neighbours: see the list of alerts',
    ])
  })
})
