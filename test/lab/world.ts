import { spawn } from 'node:child_process'
import { existsSync, openSync, closeSync } from 'node:fs'
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { cacheDirectory } from '../support/guest/guest-image.js'
import { libvirtdConf, qemuConf } from '../support/libvirt-config.js'
import { waitFor } from '../support/wait-for.js'
import { planOf, type LabState } from './lab-state.js'
import { arrayProgram } from './array/array-program.js'
import type { ArrayPlan, LabPlan } from './plan.js'
import { findInit, isAlive, type ProcessIdentity } from './process-identity.js'
import { runProgram } from './run-program.js'

const worldScript = path.join(import.meta.dirname, 'world.sh')
const machineScript = path.join(import.meta.dirname, 'machine.sh')
const cgroupScript = path.join(import.meta.dirname, 'cgroups.sh')

const upWithinMs = 60_000
const downWithinMs = 15_000

export interface World {
  readonly world: ProcessIdentity
  readonly machines: Readonly<Record<string, ProcessIdentity>>
}

/** Writes what the machines are started from: their directories, libvirt's configuration, files of LUNs. */
export async function writeWorld(dir: string, plan: LabPlan): Promise<void> {
  const names = plan.hosts.map(({ name, address }) => `${name} ${address}`)
  const addresses = plan.hosts.map(({ name, address }) => `${address} ${name}`)
  await writeFile(path.join(dir, 'machines'), `${names.join('\n')}\n`)
  await writeFile(path.join(dir, 'hosts-file'), ['127.0.0.1 localhost', '::1 localhost', ...addresses, ''].join('\n'))
  for (const { name, address, hostUuid, machineId } of plan.hosts) {
    const own = path.join(dir, 'hosts', name)
    for (const part of ['run', 'etc', 'lib', 'log/qemu', 'serial'])
      await mkdir(path.join(own, part), { recursive: true })
    await writeFile(path.join(own, 'etc/libvirtd.conf'), libvirtdConf({ hostUuid, address }))
    await writeFile(path.join(own, 'etc/qemu.conf'), qemuConf({ hostUuid, address }))
    await writeFile(path.join(own, 'machine-id'), `${machineId}\n`)
  }
  for (const { name, luns } of plan.arrays) {
    await mkdir(path.join(dir, 'luns', name), { recursive: true })
    for (const { file, sizeMiB } of luns) {
      const handle = await open(lunFile(dir, file), 'w')
      await handle.truncate(sizeMiB * 2 ** 20)
      await handle.close()
    }
  }
  const backends = await Promise.all(plan.arrays.map(backendLine))
  await writeFile(path.join(dir, 'arrays'), backends.join(''))
}

/** Where a LUN's file is; in the lab it is the array, and outside it the plain file beneath. */
export function lunFile(dir: string, file: string): string {
  return path.join(dir, 'luns', file)
}

/** A line of `arrays`, for world.sh: name, kind, and what that kind needs. */
async function backendLine({ name, kind }: ArrayPlan): Promise<string> {
  switch (kind.kind) {
    case 'plain':
      return ''
    case 'write-back':
      return `${name} write-back ${await arrayProgram('array-fs')} ${kind.parameters}\n`
    case 'rate':
      return `${name} rate ${kind.bytesPerSecond * 8} ${kind.burstSeconds}\n`
  }
}

/**
 * Starts the namespaces and what runs in them but guests; ready when every libvirtd listens.
 * @param life `tied`: it ends when this process does, however it ends. `free`: it lives until `endWorld`
 * @throws with the log of whatever failed
 */
export async function startWorld(dir: string, state: LabState, life: 'tied' | 'free'): Promise<World> {
  const plan = planOf(state)
  const cache = path.join(cacheDirectory, 'libvirt')
  await mkdir(cache, { recursive: true })
  const log = openSync(path.join(dir, 'world.log'), 'a')
  const privately = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc']
  const weight = String(plan.hosts.length + plan.guests.length)
  const child = spawn('unshare', [...privately, 'bash', worldScript, dir, state.id, life, weight, cache], {
    stdio: [life === 'tied' ? 'pipe' : 'ignore', log, log],
    // A group of its own: Ctrl-C is for the one who started the lab, who ends it in order.
    detached: true,
  })
  closeSync(log)
  child.unref()
  child.stdin?.on('error', () => undefined)
  // Without it the pipe alone would keep this process from ending.
  if (child.stdin !== null && 'unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  await waitFor(upWithinMs, 'the machines to be up', async () => {
    if (child.exitCode !== null) throw new Error(`the lab ended: ${await logsOf(dir, plan)}`)
    for (const { name } of plan.hosts) {
      if (existsSync(path.join(dir, 'hosts', name, 'failed'))) throw new Error(`${name}: ${await logsOf(dir, plan)}`)
      if (!existsSync(path.join(dir, 'hosts', name, 'up'))) return false
    }
    return true
  })
  const machines: Record<string, ProcessIdentity> = {}
  for (const { name } of plan.hosts) machines[name] = await foundInit(machineScript, dir, name)
  return { world: await foundInit(worldScript, dir), machines }
}

/** Ends a lab, alive or dead, and removes every trace of it. */
export async function endWorld(dir: string, state: LabState): Promise<void> {
  const world = state.world ?? (await findInit(worldScript, dir))
  if (world !== undefined && (await isAlive(world))) {
    process.kill(world.pid, 'SIGTERM')
    const gone = async (): Promise<boolean> => !(await isAlive(world))
    await waitFor(downWithinMs, 'the lab to end', gone).catch(() => process.kill(world.pid, 'SIGKILL'))
    await waitFor(downWithinMs, 'the lab to end', gone)
  }
  await runProgram('bash', ['-c', '. "$1"; remove_lab_cgroups "$2"', 'bash', cgroupScript, state.id])
  await rm(dir, { recursive: true, force: true })
}

async function foundInit(...words: readonly string[]): Promise<ProcessIdentity> {
  const found = await findInit(...words)
  if (found === undefined) throw new Error(`not running: ${words.join(' ')}`)
  return found
}

async function logsOf(dir: string, { hosts }: LabPlan): Promise<string> {
  const files = [
    'world.log',
    'tgtd.log',
    'arrays.log',
    ...hosts.flatMap(({ name }) => [`hosts/${name}/machine.log`, `hosts/${name}/log/libvirtd.log`]),
  ]
  const texts = await Promise.all(files.map((file) => readFile(path.join(dir, file), 'utf8').catch(() => '')))
  return texts.join('\n').trim().slice(-4000)
}
