import { describe, expect, it } from 'vitest'

import { elabSnapshot } from '../../test/support/elab-fleet.js'
import { elabGoldenFindings } from '../../test/support/elab-golden.js'
import { elabPolicy } from '../../test/support/elab-policy.js'
import { capacityOf } from '../../test/support/placed.js'
import { MiB } from '../../test/support/snapshot-builder.js'
import { subjectText, type Finding } from '../model/finding.js'
import { fleetFindings } from './fleet-findings.js'

/** What the elab's rules must find on the elab fleet: this, and nothing else. */
describe('the elab fleet under its own policy', () => {
  const { stands, excepted } = fleetFindings(elabSnapshot(), elabPolicy())

  it('has exactly these findings', () => {
    expect(table(stands).toSorted()).toEqual(elabGoldenFindings)
  })

  it('tells the worst first', () => {
    const severities = stands.map(({ severity }) => severity)
    expect(severities).toEqual([...severities].toSorted((a, b) => (a === b ? 0 : a === 'warning' ? -1 : 1)))
  })

  it.each([
    ['into-reserve', 'xenhv01', 'its VMs reach 512 MiB into the 2 GiB kept for the hypervisor; no room'],
    [
      'host-failure',
      'xenhv04',
      'if it fails, not all its VMs find a place: its VMs need 13 GiB, 4 GiB is free on equal hypervisors, 9 GiB short; those on shared storage need 5 GiB, 1 GiB short',
    ],
    [
      'host-failure',
      'xenhv01',
      'if it fails, not all its VMs find a place: its VMs need 6.5 GiB, 5 GiB is free on equal hypervisors, 1.5 GiB short; those on shared storage need 4 GiB and fit',
    ],
    [
      'host-failure',
      'esxhv01',
      'if it fails, not all its VMs find a place: its VMs need 3 GiB, 0 B is free on equal hypervisors, 3 GiB short; all of them are on its local disks',
    ],
    [
      'lost-with-host',
      'xenhv01',
      'if it fails, bell, motty and secretary (2.5 GiB) cannot start elsewhere until its local disks are moved',
    ],
    [
      'personal-on-core-array',
      'kure',
      'a personal VM on iscsi1, which core VMs use (auth, fleming, ggw and 6 more): its I/O slows theirs',
    ],
    [
      'personal-beside-core',
      'mozilla',
      'a personal VM beside core VMs on xenhv02 (auth, mail and tesla); its disks are local',
    ],
    ['memory-above-class-limit', 'panda', 'it may grow to 2 GiB; a VM of the class personal is to have 1 GiB at most'],
  ])('says of %s %s what it means', (check, name, message) => {
    expect(stands.find((one) => one.check === check && one.subject.name === name)?.message).toBe(message)
  })

  it('makes these exceptions, with their reasons', () => {
    const said = excepted.map(
      ({ finding, reason, key }) => `${key} ${finding.check} ${finding.subject.name}: ${reason}`,
    )
    expect(said).toEqual([
      'exceptions.0 core-on-shared-storage bell: too heavy for the array; on local disk on purpose',
      'exceptions.1 core-on-shared-storage elab-gw: ESXi does not see the LUN',
      'exceptions.1 core-on-shared-storage cc: ESXi does not see the LUN',
      'exceptions.1 core-on-shared-storage mail2: ESXi does not see the LUN',
      'exceptions.2 reserve-host-empty panda: there on the day of the record; the reserve still has room',
    ])
  })

  it('loses a host like this', () => {
    const { hosts } = capacityOf(elabSnapshot(), elabPolicy())
    const rows = hosts.map(({ host, failure: { neededBytes, freeBytes, restartable, lost } }) => ({
      host: host.name,
      all: `${neededBytes / MiB} of ${freeBytes / MiB}`,
      restartable: `${restartable.neededBytes / MiB} ${restartable.fits ? 'fit' : `${(restartable.neededBytes - freeBytes) / MiB} short`}`,
      lost: lost.names.length,
    }))
    expect(rows).toEqual([
      { host: 'esxhv01', all: '3072 of 0', restartable: '0 fit', lost: 3 },
      { host: 'xenhv01', all: '6656 of 5120', restartable: '4096 fit', lost: 3 },
      { host: 'xenhv02', all: '6144 of 5120', restartable: '2560 fit', lost: 4 },
      { host: 'xenhv03', all: '2048 of 1024', restartable: '0 fit', lost: 1 },
      { host: 'xenhv04', all: '13312 of 4096', restartable: '5120 1024 short', lost: 8 },
    ])
  })

  it('breaks no rule about pairs', () => {
    const pairs = new Set(['service-on-one-host', 'service-on-one-array', 'apart-on-one-host'])
    expect([...stands, ...excepted.map(({ finding }) => finding)].filter(({ check }) => pairs.has(check))).toEqual([])
  })
})

function table(findings: readonly Finding[]): string[] {
  return findings.map(({ check, severity, subject }) => `${severity} ${check} ${subjectText(subject)}`)
}
