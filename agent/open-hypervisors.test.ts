import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, describe, expect, test } from 'vitest'

import { parseConfig } from '../common/config.js'
import { groupBy } from '../common/group-by.js'
import { createLog } from '../common/log.js'
import { pv1, recorded, recordedTree } from '../test/fixtures/xen/recorded-host.js'
import { agentConfigSchema, type AgentConfig } from './config.js'
import { errandsHere } from './errands.js'
import { RefusedLogin } from './hypervisor/esxi/refused-login.js'
import { loadHostIds, openSources, type Source } from './open-hypervisors.js'

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** A program in place of xl or xm, which prints what they print. */
function toolIn(directory: string, name: 'xl' | 'xm'): string {
  writeFileSync(path.join(directory, 'list'), recorded(`${name}-list.txt`))
  writeFileSync(path.join(directory, 'list -l'), recorded(name === 'xl' ? 'xl-list-l.json' : 'xm-list-l.txt'))
  writeFileSync(path.join(directory, 'info'), recorded(`${name}-info.txt`))
  const program = path.join(directory, name)
  writeFileSync(program, `#!/bin/sh\nexec cat "${directory}/$*"\n`)
  chmodSync(program, 0o755)
  return program
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'headroom-xl-'))
  stops.push(() => rmSync(directory, { recursive: true }))
  return directory
}

function configOf(directory: string, program: string): AgentConfig {
  const tree = recordedTree()
  stops.push(() => tree.remove())
  const text = `
    data: ${directory}/data
    name: xenhv01
    paths: { proc: ${tree.procRoot}, sys: ${tree.sysRoot}, dev: ${tree.devRoot}, root: ${tree.rootFs} }
    hypervisors: [{ kind: xen-tools, program: ${program} }]`
  return parseConfig(text, agentConfigSchema, 'agent.yaml')
}

async function open(config: AgentConfig): Promise<Source> {
  const [entry] = config.hypervisors
  if (entry === undefined) throw new Error('no hypervisor')
  const log = createLog('test', 'silent')
  const hostIds = await loadHostIds(config, log)
  const [source] = await openSources(entry, config, {
    errands: errandsHere,
    hostIds,
    refusedLogin: new RefusedLogin(),
    log,
    now: () => 1000,
    signal,
  })
  if (source === undefined) throw new Error('no source')
  stops.push(() => source.hypervisor.close())
  return source
}

const { signal } = new AbortController()

describe('xen-tools', () => {
  test('recorded: dom0 by the text of xl, with what is not dom0’s alone left to the driver', async () => {
    const directory = temporaryDirectory()
    const config = configOf(directory, toolIn(directory, 'xl'))
    const { hypervisor, machine } = await open(config)
    const { vms, host } = await hypervisor.sample(new Set(['state', 'cpu', 'host']), {}, signal)
    expect(vms).toMatchObject([{ uuid: pv1, state: 'running', cpuSeconds: 17.2 }])
    expect(host).toMatchObject({ cpuSystemSeconds: 77.2, memoryFreeBytes: 242 * 2 ** 20 })
    expect((await machine?.sample(signal))?.host).not.toHaveProperty('memoryBytes')
    // Neither Xen nor this firmware names the host: the id that it got is kept.
    const again = await open(config)
    expect(again.hypervisor.identity).toEqual(hypervisor.identity)
  })

  test('with nothing allowed it can act only while limits or moves of an earlier life are to come to their end', async () => {
    const directory = temporaryDirectory()
    const config = configOf(directory, toolIn(directory, 'xl'))
    expect((await open(config)).hypervisor.control).toBeUndefined()
    const move = { hostId: 'h', vmUuid: 'a', vmName: 'a', moveId: 'm', runId: '', wasDefined: false, atMs: 1000 }
    writeFileSync(path.join(config.data, 'moves.json'), JSON.stringify([{ ...move, kind: 'expected' }]))
    expect((await open(config)).hypervisor.control).toBeDefined()
    writeFileSync(path.join(config.data, 'moves.json'), '[]')
    expect((await open(config)).hypervisor.control).toBeUndefined()
    writeFileSync(path.join(config.data, 'limits.json'), '[{}]')
    expect((await open(config)).hypervisor.control).toBeDefined()
  })

  test('hand-written: by the text of xm', async () => {
    const directory = temporaryDirectory()
    const { hypervisor } = await open(configOf(directory, toolIn(directory, 'xm')))
    const { vms } = await hypervisor.sample(new Set(['state']), {}, signal)
    const counted = groupBy(vms, ({ state }) => state)
    expect([...counted].map(([state, all]) => [state, all.length])).toEqual([
      ['running', 7],
      ['paused', 1],
      ['shutoff', 1],
    ])
    expect((await hypervisor.inventory(signal)).host.hypervisorVersion).toBe('Xen 3.4.3')
  })

  test.each<[string, RegExp]>([
    ['program: xl', /an absolute path/],
    ['program: /usr/sbin/xl, ssh: { host: hv01 }', /program or ssh, not both/],
    ['uri: "xen:///system"', /uri/],
  ])('%s is refused', (more, message) => {
    const text = `hypervisors: [{ kind: xen-tools, ${more} }]`
    expect(() => parseConfig(text, agentConfigSchema, 'agent.yaml')).toThrow(message)
  })
})
