import { describe, expect, it } from 'vitest'

import { ActionRefused } from '../hypervisor.js'
import { failureOf, LocalXenActor, wordsOf, type XenAct } from './xen-acts.js'

const uuid = 'd0669043-9819-4bbf-916b-37473dfe4fcd'

describe('what is given to xl or xm', () => {
  it.each<readonly [XenAct, string]>([
    [{ act: 'pause', id: 7 }, 'pause 7'],
    [{ act: 'unpause', id: 7 }, 'unpause 7'],
    [{ act: 'shutdown', id: 7 }, 'shutdown 7'],
    [{ act: 'reboot', id: 7 }, 'reboot 7'],
    [{ act: 'destroy', id: 12_345 }, 'destroy 12345'],
    [{ act: 'start', uuid }, `start ${uuid}`],
    [{ act: 'mem-set', id: 7, mebibytes: 512 }, 'mem-set 7 512m'],
    [{ act: 'sched-credit2', id: 7 }, 'sched-credit2 -d 7'],
    [{ act: 'sched-credit2', id: 7, capPercent: 50 }, 'sched-credit2 -d 7 -c 50'],
    [{ act: 'sched-credit', id: 7, capPercent: 0 }, 'sched-credit -d 7 -c 0'],
  ])('%j', (act, words) => {
    expect(wordsOf(act).join(' ')).toBe(words)
  })

  it.each<readonly [string, XenAct]>([
    ['dom0', { act: 'destroy', id: 0 }],
    ['a VM that is off', { act: 'pause', id: -1 }],
    ['no number', { act: 'pause', id: Number.NaN }],
    ['half a number', { act: 'pause', id: 7.5 }],
    ['a name', { act: 'start', uuid: 'mail; reboot' }],
    ['a name below a UUID', { act: 'start', uuid: `${uuid}\nmail` }],
    ['an option', { act: 'start', uuid: '--paused' }],
    ['memory below nothing', { act: 'mem-set', id: 7, mebibytes: -1 }],
    ['a cap that is none', { act: 'sched-credit', id: 7, capPercent: Number.NaN }],
  ])('is never %s', (_what, act) => {
    expect(() => wordsOf(act)).toThrow(ActionRefused)
  })

  it('leaves it open what came of a destroy that failed, and of nothing else', () => {
    expect(failureOf({ act: 'destroy', id: 7 }, 'x')).not.toBeInstanceOf(ActionRefused)
    expect(failureOf({ act: 'shutdown', id: 7 }, 'x')).toBeInstanceOf(ActionRefused)
  })
})

describe('the tool of this dom0', () => {
  const { signal } = new AbortController()
  it('is run with the words alone', async () => {
    await expect(new LocalXenActor(['/usr/bin/echo']).do({ act: 'pause', id: 7 }, signal)).resolves.toBe('pause 7\n')
  })

  it.each([
    ['fails', '/usr/bin/false', { act: 'pause', id: 7 }],
    ['is not there', '/nowhere/xl', { act: 'destroy', id: 7 }],
  ] as const)('that %s has done nothing', async (_what, program, act) => {
    await expect(new LocalXenActor([program]).do(act, signal)).rejects.toBeInstanceOf(ActionRefused)
  })
})
