import { expect, test } from 'vitest'

import { recorded } from '../../../test/fixtures/xen/recorded-host.js'
import { HostUsage, type DomainCpu } from './host-usage.js'

const cpu = (key: string, cpuSeconds: number): DomainCpu => ({ key, cpuSeconds })

test.each<[string, readonly (readonly DomainCpu[])[], number[]]>([
  [
    'the sum at first, then its growth',
    [
      [cpu('a/1', 100), cpu('b/2', 50)],
      [cpu('a/1', 103), cpu('b/2', 51)],
    ],
    [150, 154],
  ],
  ['a VM that ends takes nothing away', [[cpu('a/1', 100), cpu('b/2', 50)], [cpu('b/2', 52)]], [150, 152]],
  ['a VM that starts counts from 0', [[cpu('b/2', 50)], [cpu('b/2', 50), cpu('c/3', 4)]], [50, 54]],
  ['so does one that started anew', [[cpu('a/1', 100)], [cpu('a/7', 3)]], [100, 103]],
  ['one that was away for a pass counts anew', [[cpu('a/1', 5)], [], [cpu('a/2', 1)]], [5, 5, 6]],
  ['it never goes back', [[cpu('a/1', 5)], [cpu('a/1', 4)], [cpu('a/1', 6)]], [5, 5, 7]],
])('%s', (_, passes, sums) => {
  const usage = new HostUsage()
  expect(passes.map((guests) => usage.add(10, guests).cpuUserSeconds)).toEqual(sums)
})

test("recorded: the machine's CPU time is that of all domains, where dom0's /proc/stat knows dom0's share", () => {
  const rows = [...recorded('xl-list.txt').matchAll(/^(\S+)\s+(\d+)\s+\d+\s+\d+\s+\S+\s+([\d.]+)$/gm)]
  const [dom0, guest] = rows.map((row) => Number(row[3]))
  if (dom0 === undefined || guest === undefined) throw new Error('two domains expected')
  const { cpuUserSeconds, cpuSystemSeconds } = new HostUsage().add(dom0, [cpu('pv1/1', guest)])
  expect([cpuUserSeconds, cpuSystemSeconds]).toEqual([17.2, 77.2])
})
