import { afterEach, describe, expect, test } from 'vitest'

import { createLog } from '../../../common/log.js'
import { xenAnswers } from '../../../test/fixtures/xen/fake-xen.js'
import { recordedTree, recordedXen } from '../../../test/fixtures/xen/recorded-host.js'
import { startFakeDaemon, type Answer } from '../../../test/support/libvirt-fake-daemon.js'
import { HypervisorUnavailable } from '../hypervisor.js'
import type { Packet } from '../libvirt/packet.js'
import { procedure } from '../libvirt/procedures.js'
import { createLocalFiles } from '../../host/local-files.js'
import { createReaderMemory } from '../libvirt/reader-memory.js'
import { LibvirtToolstack } from './libvirt-toolstack.js'

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** @param instead what the daemon answers to some calls instead of what it would */
async function toolstackOf(instead: (call: Packet) => Answer | undefined): Promise<LibvirtToolstack> {
  const tree = recordedTree()
  stops.push(() => tree.remove())
  const answers = xenAnswers(recordedXen())
  const daemon = await startFakeDaemon((call) => instead(call) ?? answers(call))
  stops.push(() => daemon.stop())
  const now = (): number => 1000
  const toolstack = new LibvirtToolstack({
    session: { socket: daemon.path, runRoot: '', uri: 'xen:///system' },
    memory: await createReaderMemory({ files: createLocalFiles(), procRoot: tree.procRoot, now }),
    sysRoot: tree.sysRoot,
    vmDeadlineMs: 300,
    onEvent: () => undefined,
    now,
    log: createLog('test', 'silent'),
  })
  stops.push(() => toolstack.close())
  return toolstack
}

describe('a libvirt that is too old says so, and what to use instead', () => {
  // Of a daemon: VIR_ERR_RPC, it has no such call; of its driver: VIR_ERR_NO_SUPPORT.
  test.each([
    [procedure.listAllDomains, 39, 'unknown procedure: 273'],
    [procedure.nodeGetInfo, 3, 'this function is not supported by the connection driver'],
  ])('call %i', async (number, code, message) => {
    const toolstack = await toolstackOf((call) => (call.procedure === number ? { code, message } : undefined))
    const failure: unknown = await toolstack.start().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(HypervisorUnavailable)
    expect(String(failure)).toMatch(new RegExp(`${message}.*too old; use kind: xen-tools`))
  })

  test('any other error is as libvirt puts it', async () => {
    const answer = { code: 1, message: 'internal error' }
    const toolstack = await toolstackOf((call) => (call.procedure === procedure.listAllDomains ? answer : undefined))
    await expect(toolstack.start()).rejects.toThrow(/^internal error$/)
  })
})

test.each([
  [false, { name: 'events', support: 'yes' }],
  [true, { name: 'events', support: 'no', reason: 'libvirt refused to send events' }],
])('events refused: %s', async (refused, capability) => {
  const answer = { code: 3, message: 'not supported' }
  const toolstack = await toolstackOf(({ procedure: number }) =>
    refused && number === procedure.eventRegister ? answer : undefined,
  )
  await toolstack.start()
  expect(toolstack.capabilities()).toContainEqual(capability)
})

test('a definition that cannot be read: the size of the VM all the same', async () => {
  const answer = { code: 1, message: 'out of order' }
  const toolstack = await toolstackOf(({ procedure: number }) =>
    number === procedure.domainGetXml ? answer : undefined,
  )
  await toolstack.start()
  const [vm] = await toolstack.definitions(new AbortController().signal)
  expect(vm).toMatchObject({
    domain: { name: 'pv1', id: 1 },
    definition: { name: 'pv1', vcpus: 1, memoryMaxBytes: 128 * 2 ** 20, disks: [], nics: [] },
  })
})
