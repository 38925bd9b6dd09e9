import { expect, test } from 'vitest'

import { recorded } from '../../../test/fixtures/xen/recorded-host.js'
import { HostUsage } from './host-usage.js'
import type { DomainCpu } from './toolstack.js'

const cpu = (id: number, cpuSeconds: number): DomainCpu => ({ id, cpuSeconds })

test.each<[string, readonly (readonly DomainCpu[])[], number[]]>([
  [
    'the sum at first, then its growth',
    [
      [cpu(1, 100), cpu(2, 50)],
      [cpu(1, 103), cpu(2, 51)],
    ],
    [150, 154],
  ],
  ['a VM that ends takes nothing away', [[cpu(1, 100), cpu(2, 50)], [cpu(2, 52)]], [150, 152]],
  ['a VM that starts counts from 0', [[cpu(2, 50)], [cpu(2, 50), cpu(3, 4)]], [50, 54]],
  ['so does one that started anew', [[cpu(1, 100)], [cpu(7, 3)]], [100, 103]],
  ['one that was away for a pass counts anew', [[cpu(1, 5)], [], [cpu(2, 1)]], [5, 5, 6]],
  ['it never goes back', [[cpu(1, 5)], [cpu(1, 4)], [cpu(1, 6)]], [5, 5, 7]],
])('%s', (_, passes, sums) => {
  const usage = new HostUsage()
  expect(passes.map((guests) => usage.add(10, guests).cpuUserSeconds)).toEqual(sums)
})

test("recorded: the machine's CPU time is that of all domains, where dom0's /proc/stat knows dom0's share", () => {
  const rows = [...recorded('xl-list.txt').matchAll(/^(\S+)\s+(\d+)\s+\d+\s+\d+\s+\S+\s+([\d.]+)$/gm)]
  const [dom0, guest] = rows.map((row) => Number(row[3]))
  if (dom0 === undefined || guest === undefined) throw new Error('two domains expected')
  const { cpuUserSeconds, cpuSystemSeconds } = new HostUsage().add(dom0, [cpu(1, guest)])
  expect([cpuUserSeconds, cpuSystemSeconds]).toEqual([17.2, 77.2])
})
