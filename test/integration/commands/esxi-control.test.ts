import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { openEsxi } from '../../../agent/hypervisor/esxi/driver.js'
import { ActionRefused, type Hypervisor, type VmControl } from '../../../agent/hypervisor/hypervisor.js'
import { createLog } from '../../../common/log.js'
import { VerbBench } from '../../support/verb-bench.js'
import { doublePassword, doubleUser, startVsphereDouble, type VsphereDouble } from '../../support/vsphere-double.js'

/** Against our own double of vSphere: no ESXi can run here. */

const nowMs = 1_800_000_005_000
let directory: string
let double: VsphereDouble
let hypervisor: Hypervisor
let bench: VerbBench

async function connect(control: boolean): Promise<Hypervisor> {
  const passwordFile = join(directory, 'password')
  await writeFile(passwordFile, `${doublePassword}\n`, { mode: 0o600 })
  const [one] = await openEsxi({
    url: double.url,
    user: doubleUser,
    passwordFile,
    trust: { by: 'thumbprint', sha256: double.thumbprint },
    dataDir: directory,
    log: createLog('test', 'silent'),
    now: () => nowMs,
    maxWaitMs: 1000,
    control,
  })
  if (one === undefined) throw new Error('no host')
  return one
}

function controlOf({ control }: Hypervisor): VmControl {
  if (control === undefined) throw new Error('it only reads')
  return control
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-esxi-'))
  double = await startVsphereDouble({ now: () => nowMs })
  hypervisor = await connect(true)
  bench = new VerbBench(controlOf(hypervisor), double.vm(0).instanceUuid)
})
afterEach(async () => {
  await hypervisor.close()
  await double.close()
  await rm(directory, { recursive: true, force: true })
})

it('starts, resets, ends, and asks guests to shut down', async () => {
  expect(await bench.run('shutdown')).toEqual({ state: 'succeeded' })
  expect(double.vm(0).power).toBe('poweredOff')
  expect(await bench.run('start')).toEqual({ state: 'succeeded' })
  expect(double.vm(0).power).toBe('poweredOn')
  expect(await bench.run('reset')).toEqual({ state: 'succeeded' })
  expect(await bench.run('reboot')).toEqual({ state: 'succeeded' })
  expect(await bench.run('destroy')).toEqual({ state: 'succeeded' })
  expect(double.vm(0).power).toBe('poweredOff')
  expect(double.vm(1).power).toBe('poweredOn')
  expect(['ResetVM_Task', 'RebootGuest', 'PowerOffVM_Task'].map((method) => double.count(method))).toEqual([1, 1, 1])
  expect(await bench.seen('destroy')).toMatchObject({ state: 'succeeded' })
})

it('refuses what it cannot do, and what does not fit the state', async () => {
  const others = ['suspend', 'resume', 'autostart', 'limit', 'memory', 'save', 'undefine', 'dumpxml']
  expect(await bench.refusedNow()).toEqual(expect.arrayContaining(['start', ...others]))
  expect(await bench.refusedNow()).not.toContain('shutdown')
  await expect(bench.control.power(bench.vmUuid, 'start', new AbortController().signal)).rejects.toThrow(
    /cannot be performed in the current state/,
  )
  double.withoutTools.add(double.vm(0).id)
  await expect(bench.run('shutdown')).rejects.toThrow(/ToolsUnavailable/)
  double.faults.set('PowerOffVM_Task', 'NoPermission')
  await expect(bench.run('destroy')).rejects.toBeInstanceOf(ActionRefused)
  expect(double.vm(0).power).toBe('poweredOn')
})

it('logs in anew when the session has expired, and does a thing once', async () => {
  double.expireSessions()
  expect(await bench.run('destroy')).toEqual({ state: 'succeeded' })
  expect(double.vm(0).power).toBe('poweredOff')
  const other = new VerbBench(controlOf(hypervisor), '00000000-0000-4000-8000-00000000000a')
  expect(await other.control.look(other.vmUuid, new AbortController().signal)).toBeUndefined()
})

it('only reads where nothing is allowed', async () => {
  const reading = await connect(false)
  expect(reading.control).toBeUndefined()
  await reading.close()
})
