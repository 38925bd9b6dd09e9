import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { LibvirtControl } from '../../../agent/hypervisor/libvirt/control.js'
import { libvirtMissing, startLibvirtDaemon, type LibvirtDaemon } from '../../support/libvirt-daemon.js'
import { defineGuest, type Guest } from '../../support/libvirt-guest.js'
import { VerbBench } from '../../support/verb-bench.js'

const missing = libvirtMissing()
if (missing !== undefined) console.warn(`the tests with a real libvirtd are skipped: ${missing}`)

const step = { move: 'forged' }
const announced = { name: 'guest', keep: 'yes', ...step }

let daemon: LibvirtDaemon
let guest: Guest
let control: LibvirtControl
let bench: VerbBench

describe.skipIf(missing !== undefined)(
  'steps of a move that a controller forges, as virsh sees what becomes of the VM',
  () => {
    beforeAll(async () => {
      daemon = await startLibvirtDaemon()
      control = new LibvirtControl({
        socket: daemon.socketRo,
        runRoot: '/nowhere',
        uri: 'qemu:///system',
        migration: {
          to: ['hv*'],
          uri: 'qemu+tls://{host}/system',
          encrypted: true,
          hasPath: () => Promise.resolve(true),
          hasBridge: () => Promise.resolve(true),
        },
      })
      guest = await defineGuest(daemon, { name: 'guest' })
      bench = new VerbBench(control, guest.uuid)
      bench.definition = await daemon.virsh('dumpxml', 'guest')
    })
    afterAll(async () => {
      control?.close()
      await daemon?.stop()
    })

    const state = async (): Promise<string> => (await daemon.virsh('domstate', 'guest')).trim()

    it('have no VM forgotten that is off, also when it was announced before', async () => {
      await expect(bench.run('discard', step)).rejects.toThrow('knows of no move of it')
      expect(await bench.run('receive', announced)).toMatchObject({ state: 'succeeded' })
      await bench.run('discard', step)
      expect(await state()).toBe('shut off')
    })

    it('do not end one that was announced while it was off, and that its owner then starts halted', async () => {
      await daemon.virsh('start', 'guest', '--paused')
      expect(await daemon.virsh('domstate', 'guest', '--reason')).toMatch(/paused \(user\)/)
      await expect(bench.run('discard', step)).rejects.toThrow('was not seen to come here by its move')
      expect(await state()).toBe('paused')
      await daemon.virsh('destroy', 'guest')
    })

    it('neither end nor let go on one that its owner has halted', async () => {
      bench.marks.marks.clear()
      await daemon.virsh('start', 'guest', '--paused')
      for (const verb of ['discard', 'arrive'] as const)
        await expect(bench.run(verb, step)).rejects.toThrow('knows of no move of it')
      await expect(bench.run('receive', announced)).rejects.toThrow('it is paused here now')
      expect(await state()).toBe('paused')
    })

    it('lead to no host that the configuration does not name, also by a name with its name in it', async () => {
      for (const to of ['hv1.example.net', 'other', 'hv1.'])
        expect(await bench.checks('migrate', { to })).toContainEqual(
          expect.objectContaining({ check: 'to', ok: false }),
        )
      expect(await bench.checks('migrate', { to: 'hv1' })).toContainEqual({
        check: 'to',
        ok: true,
        says: 'it may move to hv1',
      })
    })
  },
)
