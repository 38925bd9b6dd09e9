import { expect, test } from 'vitest'

import type { FileSystem, UnreadFileSystem } from '../model/snapshot.js'
import { Contradictions } from './contradictions.js'
import { MachineFigures } from './machine-figures.js'

test('the traffic of a host is that of its cards: a bridge by the name of a card adds nothing', () => {
  const capabilities = [{ name: 'nic', support: 'yes', reason: '' } as const]
  const figures = new MachineFigures(capabilities, new Contradictions())
  const hello = { hostId: 'h', name: 'xenhv01', kind: 'xen', bootId: 'b', simulated: false, capabilities } as const
  const read = (at: number, bytes: number): number | undefined => {
    const networks = ['peth0', 'eth0', 'eth0.12'].map((device) => ({
      device,
      totals: { receiveBytes: bytes, transmitBytes: bytes },
    }))
    const host = { runId: '', totals: {}, levels: {}, disks: [], networks, fileSystems: [], unreadFileSystems: [] }
    figures.observe(host, { hello, bootId: 'b', at }, {})
    const metric = figures.inSnapshot.metrics['receiveBytesPerSecond']
    return metric !== undefined && 'value' in metric ? metric.value : undefined
  }
  read(1000, 0)
  expect(read(2000, 500)).toBe(500)
})

test('a file system that its host tells nothing of is not gone', () => {
  const figures = new MachineFigures([], new Contradictions())
  const hello = { hostId: 'h', name: 'hv1', kind: 'kvm', bootId: 'b', simulated: false, capabilities: [] } as const
  const root = {
    mount: '/',
    device: '/dev/sda1',
    type: 'ext4',
    sizeBytes: 2,
    availableBytes: 1,
    files: 0,
    filesFree: 0,
  }
  const hung = { mount: '/vms', device: 'filer:/vms', type: 'nfs4', reason: 'no answer' }
  const told = (fileSystems: readonly FileSystem[], unreadFileSystems: readonly UnreadFileSystem[]): unknown => {
    const host = { runId: '', totals: {}, levels: {}, disks: [], networks: [], fileSystems, unreadFileSystems }
    figures.observe(host, { hello, bootId: 'b', at: 1 }, {})
    const { fileSystems: read, unreadFileSystems: unread } = figures.inSnapshot
    return [read.map(({ mount }) => mount), unread.map(({ mount, reason }) => `${mount}: ${reason}`)]
  }
  expect(told([{ ...root, readOnly: false }], [hung])).toEqual([['/'], ['/vms: no answer']])
  const nothing = 'its host told of no file system at all'
  expect(told([], [])).toEqual([[], [`/: ${nothing}`, `/vms: ${nothing}`]])
  expect(told([], [])).toEqual([[], [`/: ${nothing}`, `/vms: ${nothing}`]])
  expect(told([{ ...root, readOnly: false }], [])).toEqual([['/'], []])
})

test('totals that begin anew without a boot are not compared with those before', () => {
  const capabilities = [{ name: 'nic', support: 'yes', reason: '' } as const]
  const figures = new MachineFigures(capabilities, new Contradictions())
  const hello = { hostId: 'h', name: 'esx1', kind: 'esxi', bootId: 'b', simulated: false, capabilities } as const
  const read = (at: number, runId: string, bytes: number): number | undefined => {
    const networks = [{ device: 'vmnic0', totals: { receiveBytes: bytes, transmitBytes: bytes } }]
    const host = { runId, totals: {}, levels: {}, disks: [], networks, fileSystems: [], unreadFileSystems: [] }
    const [point] = figures.observe(host, { hello, bootId: 'b', at }, {})
    return point?.fields['receiveBytesPerSecond'] ?? undefined
  }
  const told = [read(1000, '1', 0), read(2000, '1', 500), read(3000, '2', 9000), read(4000, '2', 9700)]
  expect(told).toEqual([undefined, 500, undefined, 700])
})
