import { expect, it, vi } from 'vitest'

import { answerOpening, startFakeDaemon, type Answer } from '../../../test/support/libvirt-fake-daemon.js'
import { isUnsure, LibvirtControl } from './control.js'
import type { Packet } from './packet.js'
import { procedure } from './procedures.js'
import { errorCode, LibvirtError } from './rpc-error.js'
import { XdrWriter } from './xdr.js'

it('does not take a destroy that did not get its turn for one that did nothing: the process is killed before', () => {
  const timeout = new LibvirtError(errorCode.operationTimeout, 'cannot acquire state change lock')
  expect(isUnsure('destroy', timeout)).toBe(true)
  expect(isUnsure('suspend', timeout)).toBe(false)
  expect(isUnsure('destroy', new LibvirtError(errorCode.operationInvalid, 'domain is not running'))).toBe(false)
})

const uuid = '00000000-0000-4000-8000-00000000000a'

it('goes on looking while acts hang, and after looks have hung', async () => {
  let looksHang = true
  const answerOf = (call: Packet): Answer => {
    if (call.procedure === procedure.domainLookupByUuid)
      return new XdrWriter()
        .string('a')
        .opaque(Buffer.from(uuid.replaceAll('-', ''), 'hex'))
        .int(1)
        .bytes()
    if (call.procedure === procedure.domainReset) return 'silence'
    if (call.procedure === procedure.domainGetState)
      return looksHang ? 'silence' : new XdrWriter().int(1).int(1).bytes()
    if (call.procedure === procedure.domainGetAutostart) return new XdrWriter().int(0).bytes()
    return answerOpening(call)
  }
  const daemon = await startFakeDaemon(answerOf)
  const control = new LibvirtControl({ socket: daemon.path, runRoot: '/nowhere', uri: 'qemu:///system' })
  try {
    const giveUp = new AbortController()
    const hung = Array.from({ length: 6 }, () => control.power(uuid, 'reset', giveUp.signal).catch(() => 'abandoned'))
    const called = (number: number): number => daemon.calls.filter((call) => call.procedure === number).length
    await vi.waitFor(() => expect(called(procedure.domainReset)).toBe(6))
    const tired = new AbortController()
    const looks = Array.from({ length: 4 }, () => control.look(uuid, tired.signal).catch(() => 'abandoned'))
    await vi.waitFor(() => expect(called(procedure.domainGetState)).toBe(4))
    tired.abort()
    expect(await Promise.all(looks)).toEqual(Array.from({ length: 4 }, () => 'abandoned'))
    looksHang = false
    expect(await control.look(uuid, AbortSignal.timeout(3000))).toMatchObject({ name: 'a', state: 'running' })
    giveUp.abort()
    expect(await Promise.all(hung)).toEqual(Array.from({ length: 6 }, () => 'abandoned'))
    // All but the one that looks are closed.
    await vi.waitFor(() => expect(daemon.connections.filter(({ destroyed }) => !destroyed)).toHaveLength(1))
  } finally {
    control.close()
    await daemon.stop()
  }
})
