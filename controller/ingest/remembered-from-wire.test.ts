import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import { Hello } from '../../proto/gen/headroom/v1/agent.js'
import { Inventory } from '../../proto/gen/headroom/v1/inventory.js'
import { Fleet } from '../fleet/fleet.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { RememberedHosts } from './remembered-from-wire.js'

const uuid = 'c7f0c9a4-57d9-4a0e-8f5b-1f3a1f0d8f10'
const agent = { id: 'agent-1', name: 'one' }
const hello = Hello.fromJSON({
  hosts: ['h1', 'h2'].map((hostId) => ({ hostId, name: `name of ${hostId}`, kind: 1, bootId: 'b' })),
})
const inventory = (hostId: string): Inventory =>
  Inventory.fromJSON({ hostId, host: { name: `name of ${hostId}`, memoryBytes: 8e9 }, vms: [{ uuid, name: 'mail' }] })

let directory = ''
let state: StateStore

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-remembered-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
})
afterEach(async () => {
  await state.close()
  rmSync(directory, { recursive: true })
})

const opened = (): RememberedHosts => new RememberedHosts(state, createLog('test', 'silent'))

async function fleetAfterRestart(): Promise<Fleet> {
  const fleet = new Fleet()
  for (const input of await opened().inputs()) fleet.apply(input, 100)
  return fleet
}

describe('RememberedHosts', () => {
  it('gives a new controller its fleet back: silent hosts with their VMs', async () => {
    const remembered = opened()
    await remembered.remember(agent, hello, inventory('h1'), 50)
    await remembered.remember(agent, hello, inventory('h2'), 60)
    const { hosts, vms, agents } = (await fleetAfterRestart()).snapshot()
    expect([...hosts.values()].map((host) => [host.name, host.status])).toEqual([
      ['name of h1', 'silent'],
      ['name of h2', 'silent'],
    ])
    expect([...vms.values()].map((vm) => vm.name)).toEqual(['mail'])
    expect(agents.get('agent-1')).toMatchObject({ connected: false, hostIds: ['h1', 'h2'] })
  })

  it.each([
    ['by the same controller', false],
    ['by one that has just started', true],
  ])('forgets hosts that the agent does not speak for any more, %s', async (_name, restarted) => {
    const before = opened()
    await before.remember(agent, hello, inventory('h1'), 50)
    await before.remember(agent, hello, inventory('h2'), 50)
    await before.remember({ id: 'agent-2', name: 'two' }, hello, inventory('h3'), 50)
    const remembered = restarted ? opened() : before
    await remembered.keepOnly('agent-1', new Set(['h2']))
    expect([...(await fleetAfterRestart()).snapshot().agents.keys()]).toEqual(['agent-1', 'agent-2'])
    const rows = await state.tx(async (tx) => tx.list('inventories'))
    expect(rows.map((row) => row.key)).toEqual(['h2', 'h3'])
  })

  it('lets a host go over to another agent', async () => {
    const remembered = opened()
    await remembered.remember(agent, hello, inventory('h1'), 50)
    await remembered.remember({ id: 'agent-2', name: 'two' }, hello, inventory('h1'), 50)
    await remembered.keepOnly('agent-1', new Set())
    expect((await fleetAfterRestart()).snapshot().hosts.get('h1')?.agentId).toBe('agent-2')
  })

  it.each<[string, unknown]>([
    ['of another form', { agentId: 5 }],
    ['not an object', 'x'],
    ['with bytes that do not decode', { agentId: 'a', agentName: 'a', at: 1, hello: '////', inventory: '////' }],
  ])('a damaged row (%s) does not keep a controller from starting', async (_name, row) => {
    await opened().remember(agent, hello, inventory('h1'), 50)
    await state.tx(async (tx) => tx.put('inventories', 'h0', row))
    expect([...(await fleetAfterRestart()).snapshot().hosts.keys()]).toEqual(['h1'])
  })

  it('keeps nothing that is larger than it has to be', async () => {
    const huge = Inventory.fromJSON({ hostId: 'h1', host: { name: 'x'.repeat(1e6) } })
    await opened().remember(agent, hello, huge, 50)
    expect(await state.tx(async (tx) => tx.list('inventories'))).toEqual([])
  })
})
