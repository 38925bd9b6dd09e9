import { describe, expect, it } from 'vitest'

import { parseScan, readDisk } from './smart.js'

/** Cut from what smartctl 7 prints, as its own documentation and public reports show it; hand-written, with made-up figures. */
const answer = (json: object, status = 0): { status: number; stdout: string } => ({
  status,
  stdout: JSON.stringify({ smartctl: { version: [7, 3], exit_status: status }, ...json }),
})
const sda = { name: '/dev/sda', type: 'sat' }
const ata = (id: number, value: number | string): object => ({
  id,
  value: 100,
  worst: 100,
  thresh: 36,
  raw: { value, string: String(value) },
})

describe('the scan', () => {
  const scanned = (devices: readonly object[]): string => JSON.stringify({ smartctl: { exit_status: 0 }, devices })

  it('lists disks, with why they cannot be opened', () => {
    expect(
      parseScan(
        scanned([
          { name: '/dev/sda', info_name: '/dev/sda [SAT]', type: 'sat', protocol: 'ATA' },
          { name: '/dev/sdb', type: 'scsi', open_error: 'Permission denied' },
          { name: '/dev/bus/0', info_name: '/dev/bus/0 [megaraid_disk_08]', type: 'megaraid,8', protocol: 'SCSI' },
          { name: '/dev/nvme0', type: 'nvme', protocol: 'NVMe' },
          { name: '/dev/sda -x', type: 'sat' },
          { name: '--version', type: 'sat' },
          { name: '/dev/sdc', type: '' },
        ]),
      ),
    ).toEqual([
      sda,
      { name: '/dev/sdb', type: 'scsi', problem: 'Permission denied' },
      { name: '/dev/bus/0', type: 'megaraid,8' },
      { name: '/dev/nvme0', type: 'nvme' },
    ])
  })

  it('may find none', () => {
    expect(parseScan('{"smartctl": {"exit_status": 0}}')).toEqual([])
    expect(() => parseScan('[]')).toThrow('expected an object with smartctl')
    expect(() => parseScan('smartctl 6.6')).toThrow('expected JSON')
  })
})

describe('a disk', () => {
  it.each<[string, object, object]>([
    [
      'ATA',
      {
        model_name: 'ST4000NM0035-1V4107',
        serial_number: 'ZC1ABCDE',
        smart_status: { passed: true },
        temperature: { current: 31 },
        power_on_time: { hours: 41_231 },
        ata_smart_attributes: { table: [ata(5, 8), ata(9, 41_231), ata(197, 2), ata(198, 0)] },
      },
      {
        device: 'sda',
        model: 'ST4000NM0035-1V4107',
        serial: 'ZC1ABCDE',
        passed: true,
        temperatureCelsius: 31,
        powerOnHours: 41_231,
        reallocatedSectors: 8,
        pendingSectors: 2,
        uncorrectableSectors: 0,
        asleep: false,
      },
    ],
    [
      'NVMe',
      {
        model_name: 'SAMSUNG MZVL2512',
        serial_number: 'S64',
        smart_status: { passed: true },
        nvme_smart_health_information_log: {
          critical_warning: 4,
          available_spare: 91,
          available_spare_threshold: 10,
          percentage_used: 103,
          media_errors: 3,
        },
      },
      {
        device: 'sda',
        model: 'SAMSUNG MZVL2512',
        serial: 'S64',
        passed: true,
        criticalWarning: 4,
        spareFraction: 0.91,
        spareThresholdFraction: 0.1,
        usedFraction: 1.03,
        mediaErrors: 3,
        asleep: false,
      },
    ],
    [
      'SAS',
      {
        scsi_model_name: 'SEAGATE ST1200MM0009',
        serial_number: 'WFK',
        smart_status: { passed: false },
        scsi_grown_defect_list: 12,
        scsi_error_counter_log: { read: { total_uncorrected_errors: 1 }, write: { total_uncorrected_errors: 2 } },
      },
      {
        device: 'sda',
        model: 'SEAGATE ST1200MM0009',
        serial: 'WFK',
        passed: false,
        reallocatedSectors: 12,
        mediaErrors: 3,
        asleep: false,
      },
    ],
    [
      'one that says nothing of its health: absent, not 0',
      { model_name: 'Virtual disk' },
      { device: 'sda', model: 'Virtual disk', serial: '', asleep: false },
    ],
    [
      'figures that cannot be',
      {
        smart_status: { passed: 'yes' },
        temperature: { current: -300 },
        power_on_time: { hours: 1e300 },
        ata_smart_attributes: { table: [ata(5, -1), ata(197, 'many')] },
        nvme_smart_health_information_log: { percentage_used: 256, media_errors: null },
      },
      { device: 'sda', model: '', serial: '', asleep: false },
    ],
  ])('%s', (_what, json, expected) => {
    expect(readDisk(sda, answer(json))).toEqual(expected)
  })

  it('is left asleep', () => {
    const messages = [{ string: 'Device is in STANDBY mode, exit(250)', severity: 'information' }]
    expect(readDisk(sda, answer({ smartctl: { exit_status: 250, messages } }, 250))).toBe('asleep')
  })

  it('that fails has bits set in the exit status, and is read all the same', () => {
    expect(readDisk(sda, answer({ smart_status: { passed: false } }, 8 + 64))).toMatchObject({ passed: false })
  })

  it('that could not be opened is an error with its reason', () => {
    const messages = [{ string: 'Smartctl open device: /dev/sda failed: Permission denied', severity: 'error' }]
    expect(() => readDisk(sda, answer({ smartctl: { messages } }, 2))).toThrow(
      'smartctl sda: exit status 2: Smartctl open device: /dev/sda failed: Permission denied',
    )
  })
})
