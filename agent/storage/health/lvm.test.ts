import { expect, it } from 'vitest'

import { parseThinPools, parseVolumeGroups } from './lvm.js'

/** In the form that `vgs` and `lvs` of LVM 2.03 print; the figures are made up. */
const vgs = (rows: readonly object[]): string => JSON.stringify({ report: [{ vg: rows }] })
const lvs = (rows: readonly object[]): string => JSON.stringify({ report: [{ lv: rows }] })

it.each<[string, object, object]>([
  [
    'a volume group',
    { vg_name: 'vg0', vg_size: '107369988096', vg_free: '4194304', vg_missing_pv_count: '0' },
    { name: 'vg0', kind: 'volume-group', sizeBytes: 107_369_988_096, freeBytes: 4_194_304, missingDevices: 0 },
  ],
  [
    'without a device',
    { vg_name: 'vg0', vg_size: '8', vg_free: '0', vg_missing_pv_count: '1' },
    { name: 'vg0', kind: 'volume-group', sizeBytes: 8, freeBytes: 0, missingDevices: 1 },
  ],
  ['figures that are none', { vg_name: 'vg0', vg_size: '-1', vg_free: '1.5g' }, { name: 'vg0', kind: 'volume-group' }],
])('vgs: %s', (_what, row, expected) => {
  expect(parseVolumeGroups(vgs([row]))).toEqual([expected])
})

it.each<[string, object, object]>([
  [
    'a thin pool',
    { vg_name: 'vg0', lv_name: 'thin', lv_size: '53687091200', data_percent: '91.20', metadata_percent: '12.50' },
    { name: 'vg0/thin', kind: 'thin-pool', sizeBytes: 53_687_091_200, dataFraction: 0.912, metadataFraction: 0.125 },
  ],
  [
    'one that is not active has no figures, and not 0%',
    { vg_name: 'vg0', lv_name: 'thin', lv_size: '8', data_percent: '', metadata_percent: '' },
    { name: 'vg0/thin', kind: 'thin-pool', sizeBytes: 8 },
  ],
])('lvs: %s', (_what, row, expected) => {
  expect(parseThinPools(lvs([row]))).toEqual([expected])
})

it.each([
  ['nothing', '', 'vgs: expected JSON, got nothing'],
  ['a complaint', '  WARNING: Device /dev/sdb has size of 0', 'vgs: expected JSON, got "WARNING'],
  ['something else', '{"log": []}', 'expected a list called report'],
  ['a report of something else', '{"report": [{"lv": []}]}', 'expected a list called report[].vg'],
  ['a group without a name', vgs([{ vg_size: '1' }]), 'expected a name in vg_name'],
])('%s is an error, not "no groups"', (_what, text, message) => {
  expect(() => parseVolumeGroups(text)).toThrow(message)
})

it('none at all is no error', () => {
  expect([parseVolumeGroups(vgs([])), parseThinPools(lvs([]))]).toEqual([[], []])
})
