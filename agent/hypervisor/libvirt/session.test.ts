import { afterEach, expect, it } from 'vitest'

import { answerOpening, startFakeDaemon, type Answer } from '../../../test/support/libvirt-fake-daemon.js'
import { HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'
import type { Packet } from './packet.js'
import { authType, procedure } from './procedures.js'
import { openSession } from './session.js'
import { XdrReader, XdrWriter } from './xdr.js'

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

const uri = 'qemu:///system'
const offering = (...types: number[]): Buffer =>
  new XdrWriter().array(types, (writer, type) => writer.int(type)).bytes()

async function opened(answerOf: (call: Packet) => Answer): Promise<Awaited<ReturnType<typeof startFakeDaemon>>> {
  const daemon = await startFakeDaemon(answerOf)
  stops.push(() => daemon.stop())
  const session = await openSession({ socket: daemon.path, runRoot: '', uri, onMessage: () => undefined })
  stops.push(() => session.close())
  return daemon
}

it('opens for reading only, after authentication and the keep-alive feature', async () => {
  const daemon = await opened(answerOpening)
  expect(daemon.calls.map((call) => call.procedure)).toEqual([
    procedure.authList,
    procedure.supportsFeature,
    procedure.open,
  ])
  const open = daemon.calls.at(-1)
  if (open === undefined) throw new Error('no call')
  const reader = new XdrReader(open.payload)
  expect([reader.optional((inner) => inner.string()), reader.uint()]).toEqual([uri, 1])
})

it.each([
  ['qemu:///system', ['virtqemud-sock-ro', 'libvirt-sock-ro', 'virtqemud-sock', 'libvirt-sock']],
  ['xen:///system', ['virtxend-sock-ro', 'libvirt-sock-ro', 'virtxend-sock', 'libvirt-sock']],
])('tries the sockets of the daemons for %s in turn', async (given, names) => {
  const opening = openSession({ runRoot: '/nowhere', uri: given, onMessage: () => undefined })
  await expect(opening).rejects.toThrow(
    `no libvirt answers: ${names.map((name) => `there is no /nowhere/${name}`).join('; ')}`,
  )
})

it('lets polkit decide', async () => {
  const daemon = await opened((call) =>
    call.procedure === procedure.authList ? offering(authType.polkit) : answerOpening(call),
  )
  expect(daemon.calls.map((call) => call.procedure)).toContain(procedure.authPolkit)
})

it.each<[string, (call: Packet) => Answer, abstract new (...args: never[]) => Error, RegExp]>([
  [
    'polkit refuses',
    (call) => {
      if (call.procedure === procedure.authList) return offering(authType.polkit)
      return call.procedure === procedure.authPolkit ? { code: 45, message: 'no agent' } : answerOpening(call)
    },
    HypervisorDenied,
    /polkit protects .*sock and refuses \(no agent\).*group libvirt.*-ro/,
  ],
  [
    'a password is asked for',
    (call) => (call.procedure === procedure.authList ? offering(authType.sasl) : answerOpening(call)),
    HypervisorDenied,
    /SASL/,
  ],
  [
    'the driver may not be opened',
    (call) => (call.procedure === procedure.open ? { code: 88, message: 'access denied' } : answerOpening(call)),
    HypervisorDenied,
    /refuses qemu:\/\/\/system.*access denied/,
  ],
  [
    'there is no such driver',
    (call) => (call.procedure === procedure.open ? { code: 3, message: 'no support' } : answerOpening(call)),
    HypervisorUnavailable,
    /no support/,
  ],
])('when %s, says what to do', async (_, answerOf, kind, message) => {
  const opening = opened(answerOf)
  await expect(opening).rejects.toThrow(kind)
  await expect(opening).rejects.toThrow(message)
})

it('names every socket that it tried', async () => {
  const opening = openSession({ runRoot: '/nonexistent', uri, onMessage: () => undefined })
  await expect(opening).rejects.toThrow(HypervisorUnavailable)
  await expect(opening).rejects.toThrow(/virtqemud-sock-ro.*libvirt-sock-ro.*virtqemud-sock;.*libvirt-sock/)
})
