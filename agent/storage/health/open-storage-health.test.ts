import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { createLocalFiles } from '../../host/local-files.js'
import { healthByDefault, openStorageHealth } from './open-storage-health.js'

/**
 * A machine whose files and tools are stand-ins: shell scripts that print what a file says, and write down how they were called.
 */
let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'headroom-health-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function put(path: string, text: string): string {
  const whole = join(root, path)
  mkdirSync(dirname(whole), { recursive: true })
  writeFileSync(whole, text)
  return whole
}

function standIn(name: string, script: string): string {
  const path = put(name, `#!/bin/sh\necho "$@" >> ${join(root, `${name}.calls`)}\n${script}\n`)
  chmodSync(path, 0o755)
  return path
}

const calls = (name: string): string[] =>
  readFileSync(join(root, `${name}.calls`), 'utf8')
    .trim()
    .split('\n')
const printed = (name: string, json: object): string => `cat ${put(name, JSON.stringify(json))}`

function opened(settings: Partial<typeof healthByDefault>, more: { runsPrograms?: boolean; isRoot?: boolean } = {}) {
  return openStorageHealth(
    { ...healthByDefault, md: false, smartctl: 'off', storcli: 'off', lvm: 'off', ...settings },
    {
      procRoot: join(root, 'proc'),
      sysRoot: join(root, 'sys'),
      rootFs: root,
      files: createLocalFiles(),
      now: () => 5,
      runsPrograms: true,
      ...more,
    },
  )
}
const never = new AbortController().signal

/** A disk of this machine, and one that an iSCSI target serves. */
function putDisks(): void {
  for (const [name, place] of [
    ['sda', 'pci0000:00/ata1/host0/target0:0:0/0:0:0:0'],
    ['sdb', 'platform/host9/session3/target9:0:0/9:0:0:0'],
  ] as const) {
    put(`sys/devices/${place}/block/${name}/size`, '2048\n')
    mkdirSync(join(root, 'sys/block'), { recursive: true })
    symlinkSync(`../devices/${place}/block/${name}`, join(root, 'sys/block', name))
  }
}

test('smartctl is asked for the disks of this machine alone, with the word that leaves them asleep', async () => {
  putDisks()
  const devices = ['/dev/sda', '/dev/sdb'].map((name) => ({ name, type: 'sat' }))
  const scan = printed('scan.json', { smartctl: {}, devices })
  const disk = printed('disk.json', { smartctl: {}, model_name: 'M', smart_status: { passed: false } })
  // Awake at first, then asleep.
  const smartctl = standIn(
    'smartctl',
    `case "$*" in *--scan-open*) ${scan} ;; *) [ ! -e ${root}/asleep ] || { echo '{}'; exit 250; }; ${disk}; exit 8 ;; esac`,
  )
  const reader = opened({ smartctl })
  await reader.refresh(never)
  const awake = { device: 'sda', model: 'M', serial: '', passed: false, asleep: false }
  expect(reader.latest?.sources).toEqual([{ name: 'smart', state: 'read', reason: '', readAtMs: 5 }])
  expect(reader.latest?.items.smart).toEqual([awake])
  expect(calls('smartctl')).toEqual(['--json --scan-open', '--json --all -n standby,250 -d sat /dev/sda'])
  put('asleep', '')
  await reader.refresh(never)
  expect(reader.latest?.items.smart).toEqual([{ ...awake, asleep: true }])
})

test('a disk that does not answer costs its own figures, and is told as it was', async () => {
  putDisks()
  const names = ['/dev/sda', '/dev/nvme0', '/dev/nvme1']
  const scan = printed('scan.json', { smartctl: {}, devices: names.map((name) => ({ name, type: 'sat' })) })
  const disk = printed('disk.json', { smartctl: {}, model_name: 'M', smart_status: { passed: true } })
  const refused = printed('refused.json', { smartctl: { messages: [{ string: 'open failed' }] } })
  const smartctl = standIn(
    'smartctl',
    `case "$*" in *--scan-open*) ${scan} ;; *sda) [ ! -e ${root}/gone ] || { ${refused}; exit 2; }; ${disk} ;; *nvme0) echo no; exit 4 ;; *) ${disk} ;; esac`,
  )
  const reader = opened({ smartctl })
  const well = { model: 'M', serial: '', passed: true, asleep: false }
  const mute = { device: 'nvme0', model: '', serial: '', asleep: false }
  const nvme0 = { ...mute, problem: 'smartctl nvme0: expected JSON, got "no"' }
  await reader.refresh(never)
  const nvme1 = { device: 'nvme1', ...well }
  expect(reader.latest?.items.smart).toEqual([{ device: 'sda', ...well }, nvme0, nvme1])
  put('gone', '')
  await reader.refresh(never)
  const problem = 'smartctl sda: exit status 2: open failed'
  expect(reader.latest?.items.smart).toEqual([{ device: 'sda', ...well, problem }, nvme0, nvme1])
  expect(reader.latest?.sources[0]?.state).toBe('read')
})

test('lvm is asked for groups and thin pools', async () => {
  const vgs = printed('vgs.json', { report: [{ vg: [{ vg_name: 'vg0', vg_size: '100', vg_free: '10' }] }] })
  const lvs = printed('lvs.json', { report: [{ lv: [{ vg_name: 'vg0', lv_name: 'thin', data_percent: '50.00' }] }] })
  const reader = opened({ lvm: standIn('lvm', `case $1 in vgs) ${vgs} ;; lvs) ${lvs} ;; *) exit 3 ;; esac`) })
  await reader.refresh(never)
  expect(reader.latest?.items.lvm).toMatchObject([
    { name: 'vg0', freeBytes: 10 },
    { name: 'vg0/thin', dataFraction: 0.5 },
  ])
  for (const call of calls('lvm')) expect(call).toContain('--reportformat json --units b --nosuffix')
})

test('storcli is asked for rebuilds only where there is one; its exit status says nothing', async () => {
  const success = { 'Command Status': { Controller: 0, Status: 'Success' } }
  const pd = { 'EID:Slt': '32:0', State: 'Rbld' }
  const all = printed('all.json', { Controllers: [{ ...success, 'Response Data': { 'PD LIST': [pd] } }] })
  const none = printed('none.json', { Controllers: [{ 'Command Status': { Controller: 0, Status: 'Failure' } }] })
  const rebuild = printed('rebuild.json', {
    Controllers: [{ ...success, 'Response Data': [{ 'Drive-ID': '/c0/e32/s0', 'Progress%': 7 }] }],
  })
  const storcli = standIn(
    'storcli64',
    `case "$*" in '/call show all J') ${all} ;; *rebuild*) ${rebuild} ;; *) ${none}; exit 46 ;; esac`,
  )
  const reader = opened({ storcli })
  await reader.refresh(never)
  expect(reader.latest?.items['raid-controller'][0]?.physicalDrives).toMatchObject([
    { state: 'rebuilding', rebuildFraction: 0.07 },
  ])
  expect(calls('storcli64')).toEqual([
    '/call show all J',
    '/call/vall show all J',
    '/call/eall/sall show all J',
    '/call/eall/sall show rebuild J',
  ])
})

test.each([
  ['fails', 'echo "Cannot take the lock" >&2; exit 5', 'exit status 5: Cannot take the lock'],
  ['prints something else', 'echo lots of words', 'expected JSON, got "lots of words"'],
  ['prints without end', 'yes', 'printed more than 8388608 bytes'],
])('a tool that %s: failed with a reason, and nothing is known', async (_what, script, reason) => {
  const reader = opened({ lvm: standIn('lvm', script) })
  await reader.refresh(never)
  expect(reader.latest?.sources).toMatchObject([
    { name: 'lvm', state: 'failed', reason: expect.stringContaining(reason) },
  ])
  expect(reader.latest?.items.lvm).toEqual([])
})

test('what is not here is said beforehand, and is no failure', async () => {
  const reader = opened({ smartctl: join(root, 'none/smartctl') })
  expect([...(await reader.unavailable())]).toEqual([['smart', `${join(root, 'none/smartctl')} is not there`]])
  await reader.refresh(never)
  expect(reader.latest?.sources).toMatchObject([{ name: 'smart', state: 'not-here' }])

  const far = opened({ lvm: 'auto' }, { runsPrograms: false })
  expect([...(await far.unavailable())]).toEqual([['lvm', 'not read over ssh']])
})
