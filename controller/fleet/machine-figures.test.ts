import { expect, test } from 'vitest'

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
    const host = { totals: {}, levels: {}, disks: [], networks, fileSystems: [] }
    figures.observe(host, { hello, bootId: 'b', at }, {})
    const metric = figures.inSnapshot.metrics['receiveBytesPerSecond']
    return metric !== undefined && 'value' in metric ? metric.value : undefined
  }
  read(1000, 0)
  expect(read(2000, 500)).toBe(500)
})
