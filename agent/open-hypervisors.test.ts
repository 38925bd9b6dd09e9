import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, describe, expect, test } from 'vitest'

import { parseConfig } from '../common/config.js'
import { createLog } from '../common/log.js'
import { pv1, recorded, recordedTree } from '../test/fixtures/xen/recorded-host.js'
import { agentConfigSchema } from './config.js'
import { errandsHere } from './errands.js'
import { loadHostIds, openSources } from './open-hypervisors.js'

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** A program in place of xl, which prints what xl once printed. */
function recordedXl(directory: string): string {
  writeFileSync(path.join(directory, 'list'), recorded('xl-list.txt'))
  writeFileSync(path.join(directory, 'list -l'), recorded('xl-list-l.json'))
  writeFileSync(path.join(directory, 'info'), recorded('xl-info.txt'))
  const program = path.join(directory, 'xl')
  writeFileSync(program, `#!/bin/sh\nexec cat "${directory}/$*"\n`)
  chmodSync(program, 0o755)
  return program
}

describe('xen-tools', () => {
  test('dom0 by the text of a program, with dom0’s share of the machine left to the driver', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'headroom-xl-'))
    stops.push(() => rmSync(directory, { recursive: true }))
    const tree = recordedTree()
    stops.push(() => tree.remove())
    const text = `
      data: ${directory}/data
      name: xenhv01
      paths: { proc: ${tree.procRoot}, sys: ${tree.sysRoot}, dev: ${tree.devRoot}, root: ${tree.rootFs} }
      hypervisors: [{ kind: xen-tools, program: ${recordedXl(directory)} }]`
    const config = parseConfig(text, agentConfigSchema, 'agent.yaml')
    const [entry] = config.hypervisors
    if (entry === undefined) throw new Error('no hypervisor')
    const log = createLog('test', 'silent')
    const hostIds = await loadHostIds(config, log)
    const open = (): ReturnType<typeof openSources> =>
      openSources(entry, config, { errands: errandsHere, hostIds, log, now: () => 1000 })
    const [source] = await open()
    if (source === undefined) throw new Error('no source')
    stops.push(() => source.hypervisor.close())
    const { signal } = new AbortController()
    const { vms, host } = await source.hypervisor.sample(new Set(['state', 'cpu', 'host']), {}, signal)
    expect(vms).toMatchObject([{ uuid: pv1, state: 'running', cpuSeconds: 17.2 }])
    expect(host).toMatchObject({ cpuSystemSeconds: 77.2, memoryFreeBytes: 242 * 2 ** 20 })
    const machine = await source.machine?.sample(signal)
    expect(machine?.host).not.toHaveProperty('memoryBytes')

    // Neither Xen nor this firmware names the host: the id that it got is kept.
    const [again] = await open()
    stops.push(async () => again?.hypervisor.close())
    expect(again?.hypervisor.identity).toEqual(source.hypervisor.identity)
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
