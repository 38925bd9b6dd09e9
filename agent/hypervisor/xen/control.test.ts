import { describe, expect, it } from 'vitest'

import { FakeTools, toolRow } from '../../../test/fixtures/xen/fake-tools.js'
import { recorded } from '../../../test/fixtures/xen/recorded-host.js'
import { VerbBench } from '../../../test/support/verb-bench.js'
import { createLog } from '../../../common/log.js'
import { ActionRefused } from '../hypervisor.js'
import { XenControl } from './control.js'
import { parseCap, schedulerOf } from './cpu-cap.js'
import { ToolToolstack } from './tool-toolstack.js'
import { wordsOf, type XenAct } from './xen-acts.js'

const { signal } = new AbortController()
const uuidOf = (id: number): string => `00000000-0000-4000-8000-0000000000${String(id).padStart(2, '0')}`

/** A host by the text of its tools, and what was done with it. */
async function hostOf(tool: 'xl' | 'xm') {
  const tools = new FakeTools(tool)
  const done: string[] = []
  let cap = 0
  const toolstack = new ToolToolstack({
    output: tools,
    onEvent: () => undefined,
    now: () => 0,
    log: createLog('test', 'silent'),
  })
  await toolstack.start()
  const control = new XenControl({
    libvirt: undefined,
    toolstack,
    info: () => tools.text('info'),
    actor: {
      do(act: XenAct) {
        const words = wordsOf(act)
        done.push(words.join(' '))
        if (!words[0]?.startsWith('sched')) return Promise.resolve('')
        cap = ('capPercent' in act ? act.capPercent : undefined) ?? cap
        return Promise.resolve(`Name  ID Weight  Cap\nmail 2  11  256  ${cap}\nbell  7  256  ${cap}\n`)
      },
    },
  })
  return { tools, toolstack, control, done }
}

describe('a Xen host by xm', () => {
  it('knows VMs that run, are halted or off, and none that is not there', async () => {
    const { control } = await hostOf('xm')
    const looked = await Promise.all([7, 11, 20].map((id) => control.look(uuidOf(id), signal)))
    expect(looked.map((vm) => vm && [vm.name, vm.state, vm.runId])).toEqual([
      ['bell', 'running', '7'],
      ['mail 2', 'paused', '11'],
      ['motty', 'shutoff', ''],
    ])
    expect(await control.look(uuidOf(99), signal)).toBeUndefined()
  })

  it.each([
    ['shutdown', 7, 'shutdown 7'],
    ['reboot', 7, 'reboot 7'],
    ['destroy', 11, 'destroy 11'],
    ['suspend', 7, 'pause 7'],
    ['resume', 11, 'unpause 11'],
    ['start', 20, `start ${uuidOf(20)}`],
  ] as const)('%s of domain %i is %s', async (action, id, words) => {
    const { control, done } = await hostOf('xm')
    await control.power(uuidOf(id), action, signal)
    expect(done).toEqual([words])
  })

  it('does nothing with one that is off, is gone, or whose number is the name of another', async () => {
    const { control, done, tools } = await hostOf('xm')
    await expect(control.power(uuidOf(20), 'destroy', signal)).rejects.toBeInstanceOf(ActionRefused)
    await expect(control.power(uuidOf(99), 'suspend', signal)).rejects.toBeInstanceOf(ActionRefused)
    await expect(control.power(uuidOf(7), 'reset', signal)).rejects.toThrow(/destroy, then start/)
    tools.edit('list', (text) => text.replace('tesla', '7    '))
    await expect(control.power(uuidOf(7), 'destroy', signal)).rejects.toThrow(/another VM is named 7/)
    expect(done).toEqual([])
  })

  it('says of one that was looked at and has ended that it is off', async () => {
    const { control, tools } = await hostOf('xm')
    await control.look(uuidOf(7), signal)
    tools.row('bell', () => undefined)
    expect(await control.look(uuidOf(7), signal)).toMatchObject({ name: 'bell', state: 'shutoff', runId: '' })
  })

  describe('after a boot of the host, of which nobody has told yet', () => {
    /** What was number 7 is another VM's now, and the other way round. */
    const boot = (tools: FakeTools, ...words: readonly ('list' | 'list-long')[]): void => {
      if (words.includes('list')) {
        tools.row('bell', () => toolRow('mail 2', 7, 'r-----', 1))
        tools.row('mail 2', (line) => (/ 7 /.test(line) ? line : toolRow('bell', 11, 'r-----', 1)))
      }
      if (words.includes('list-long'))
        tools.edit('list-long', (text) =>
          text.replace('(domid 7)', '(domid x)').replace('(domid 11)', '(domid 7)').replace('(domid x)', '(domid 11)'),
        )
    }

    it('acts on the VM by the number that it has now', async () => {
      const { control, done, tools } = await hostOf('xm')
      boot(tools, 'list', 'list-long')
      expect(await control.look(uuidOf(7), signal)).toMatchObject({ name: 'bell', runId: '11' })
      await control.power(uuidOf(7), 'destroy', signal)
      expect(done).toEqual(['destroy 11'])
    })

    it.each(['what they are is not told yet', 'that cannot be read'])('does nothing while %s', async (why) => {
      const { control, done, tools } = await hostOf('xm')
      boot(tools, 'list')
      if (why === 'that cannot be read') tools.failures.set('list-long', new Error('xend hangs'))
      for (const uuid of [uuidOf(7), uuidOf(11)]) {
        await expect(control.look(uuid, signal)).rejects.toThrow(/which VM domain \d+ .* is not known now/)
        await expect(control.power(uuid, 'destroy', signal)).rejects.toThrow(/not known now/)
      }
      expect(done).toEqual([])
    })

    it('does nothing by what was opened before it', async () => {
      const { control, done, toolstack } = await hostOf('xm')
      await toolstack.close()
      await expect(control.look(uuidOf(7), signal)).rejects.toThrow('not read any more')
      await expect(control.power(uuidOf(7), 'destroy', signal)).rejects.toThrow('not read any more')
      expect(done).toEqual([])
    })
  })

  it('refuses by name what Xen cannot, and what was never tried', async () => {
    const { control } = await hostOf('xm')
    const bench = new VerbBench(control, uuidOf(7))
    expect((await bench.refusedNow()).join(' ')).toBe(
      'start reset resume autostart vcpus memory-statistics save restore undefine dumpxml migrate resolve exec console',
    )
    expect(control.lacks.all.length).toBeLessThan(256)
  })
})

describe('the cap of CPU time, in place of limits of disks', () => {
  it('is set for a time and put back', async () => {
    const { control, done } = await hostOf('xm')
    const bench = new VerbBench(control, uuidOf(7))
    expect(await bench.checks('limit', { write: '1MiB/s', for: '1m' })).toMatchObject([
      { ok: false, says: expect.stringMatching(/Xen cannot limit/) },
    ])
    expect(await bench.checks('limit', { cpu: '50', for: '1m' })).toEqual([
      { check: 'disks', ok: true, says: 'cpu' },
      { check: 'job', ok: true, says: 'no job of the hypervisor is under way' },
    ])
    done.length = 0
    expect(await bench.run('limit', { cpu: '50', for: '1m' })).toMatchObject({ state: 'succeeded' })
    expect(done).toEqual(['sched-credit -d 7', 'sched-credit -d 7 -c 50'])
    // A looser one beside it does not loosen it; then what was before both is back.
    await bench.run('limit', { cpu: '80', for: '1m' })
    expect(bench.limits.of('h', uuidOf(7))?.disks).toMatchObject({ cpu: { old: { cap_percent: 0 } } })
    done.length = 0
    expect(await bench.run('unlimit')).toMatchObject({ state: 'succeeded' })
    expect(done.at(-1)).toBe('sched-credit -d 7 -c 0')
  })

  it('is read as a real xl prints it', () => {
    expect(parseCap(recorded('xl-sched-credit2.txt'), 1)).toBe(50)
    expect(() => parseCap(recorded('xl-sched-credit2.txt'), 2)).toThrow(/tells no cap of domain 2/)
    // A name is anything: the columns count from the end of the line.
    expect(parseCap('Name ID Weight Cap\na 9 256 77 \nb 3 256 0  7  256  25\n', 7)).toBe(25)
  })

  it('needs a scheduler that has one', () => {
    expect(schedulerOf(recorded('xl-info.txt'))).toBe('sched-credit2')
    expect(schedulerOf(recorded('xm-info.txt'))).toBe('sched-credit')
    expect(() => schedulerOf('xen_scheduler : rtds\n')).toThrow(/rtds cannot cap/)
  })
})

describe('memory of a Xen VM', () => {
  it('is set in MiB, up to what the VM may have and the host has', async () => {
    const { control, done, tools } = await hostOf('xm')
    const bench = new VerbBench(control, uuidOf(7))
    expect(await bench.checks('memory', { size: '2GiB' })).toMatchObject([{ check: 'memory', ok: false }])
    const small = (): string => toolRow('bell', 7, '-b----', 90_210.3, 512)
    tools.row('bell', small)
    expect(await bench.checks('memory', { size: '600MiB' })).toMatchObject([{ ok: true }, { check: 'room', ok: true }])
    const poor = await hostOf('xm')
    poor.tools.row('bell', small)
    poor.tools.edit('info', (text) => text.replace(/^(free_memory +:) \d+/m, '$1 20'))
    expect(await new VerbBench(poor.control, uuidOf(7)).checks('memory', { size: '600MiB' })).toMatchObject([
      { ok: true },
      { check: 'room', ok: false, says: expect.stringMatching(/it would take 88 MiB more/) },
    ])
    await control.sizes.setMemory(uuidOf(7), 600 * 2 ** 20, signal)
    expect(done).toEqual(['mem-set 7 600m'])
  })
})
