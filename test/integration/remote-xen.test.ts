import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { HostIds } from '../../agent/host-ids.js'
import { createLocalFiles } from '../../agent/host/local-files.js'
import { healthByDefault, openStorageHealth } from '../../agent/storage/health/open-storage-health.js'
import { linuxMachine } from '../../agent/host/linux-machine.js'
import { factsInFiles } from '../../agent/host/facts-in-files.js'
import {
  HypervisorDenied,
  HypervisorUnavailable,
  type Hypervisor,
  type HypervisorEvent,
  type Inventory,
  type Sample,
  type SampleGroup,
} from '../../agent/hypervisor/hypervisor.js'
import { openRemote, type RemoteOptions } from '../../agent/hypervisor/remote/open-remote.js'
import type { SshTarget } from '../../agent/hypervisor/remote/ssh-arguments.js'
import { dom0Machine } from '../../agent/hypervisor/xen/dom0-machine.js'
import { openXen } from '../../agent/hypervisor/xen/driver.js'
import type { Machine } from '../../agent/schedule/host-loop.js'
import { createArrayResolver } from '../../agent/storage/array-resolver.js'
import { buildTree } from '../fixtures/proc/build-tree.js'
import { boxIqn, elabTree, elabTreeOfCentos5 } from '../fixtures/xen/elab-trees.js'
import { recorded, recordedTree, recordedXen } from '../fixtures/xen/recorded-host.js'
import { scratch } from '../support/ingest-controller.js'
import { collectedLog } from '../support/log-lines.js'
import { elabMachine, elabXen, startRemoteXenHost, type RemoteXenHost } from '../support/remote-xen-host.js'
import { seenFromAfar } from '../support/seen-from-afar.js'
import { sshdMissing, type SshServerOptions } from '../support/ssh-server.js'

// A Xen host over a real sshd, with libvirt and its files as doubles. What an agent on the host reads is the witness.

const missing = sshdMissing()
if (missing !== undefined) console.warn(`the tests with a real sshd are skipped: ${missing}`)

const boots = ['0f0e7d3c-5a52-4d5e-9d3b-2b8c4a6f1e10', '1f0e7d3c-5a52-4d5e-9d3b-2b8c4a6f1e10'] as const
const stateGroups: readonly SampleGroup[] = ['state', 'cpu', 'mem-size', 'mem-rss', 'block', 'nic', 'host']
const { signal } = new AbortController()
const until = (check: () => unknown): Promise<unknown> => vi.waitFor(check, { timeout: 40_000, interval: 50 })

let dataDir: Awaited<ReturnType<typeof scratch>>
let logged: ReturnType<typeof collectedLog>
const stops: (() => Promise<void>)[] = []
beforeEach(async () => {
  dataDir = await scratch()
  logged = collectedLog()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const stop of stops.splice(0).reverse()) await stop()
  await dataDir.remove()
})

interface Opened {
  readonly host: RemoteXenHost
  readonly hypervisor: Hypervisor
  readonly machine: Machine
  readonly told: HypervisorEvent[]
  readonly read: (groups?: readonly SampleGroup[], options?: { readonly onlyMoved?: boolean }) => Promise<Sample>
  readonly close: () => Promise<void>
}

async function hostOf(
  table: Parameters<typeof startRemoteXenHost>[0],
  xen = elabXen(),
  options: SshServerOptions = {},
): Promise<RemoteXenHost> {
  const host = await startRemoteXenHost(table, xen, options)
  stops.push(() => host.stop())
  return host
}

async function elab(): Promise<Opened> {
  return open(await hostOf(elabTree() + elabMachine(boots[0], 5000)))
}

async function open(
  host: RemoteXenHost,
  target: Partial<SshTarget> = {},
  read: RemoteOptions['read'] = 'xen:///system',
): Promise<Opened> {
  const { hypervisor, machine } = await openRemote({
    storageHealth: healthByDefault,
    target: { ...host.sshd.target, ...target },
    read,
    name: undefined,
    hostIds: await HostIds.load(dataDir.path, ['one'], logged.log),
    entry: 'one',
    log: logged.log,
    now: () => Date.now(),
    signal,
  })
  let isOpen = true
  const close = async (): Promise<void> => {
    if (isOpen) await hypervisor.close()
    isOpen = false
  }
  stops.push(close)
  const told: HypervisorEvent[] = []
  void (async () => {
    for await (const event of hypervisor.events(signal)) told.push(event)
  })()
  const sample: Opened['read'] = (groups = stateGroups, options = {}) =>
    hypervisor.sample(new Set(groups), options, signal)
  return { host, hypervisor, machine, told, read: sample, close }
}

/** An agent in that dom0: the witness. */
async function local({ tree, root, daemon }: RemoteXenHost, hostId: string) {
  const { log } = logged
  const seen = { ...tree, rootFs: root }
  const files = createLocalFiles()
  const hypervisor = await openXen({
    ...seen,
    files,
    management: { kind: 'libvirt', socket: daemon.path, uri: 'xen:///system' },
    hostName: 'xenhv01',
    hostId,
    log,
    now: () => Date.now(),
    createResolver: (id) => createArrayResolver({ now: Date.now, ...seen, files, hostId: id, log }),
    newHostId: () => 'made up',
  })
  stops.push(() => hypervisor.close())
  const machine = dom0Machine(
    await linuxMachine({
      ...seen,
      files,
      facts: () => factsInFiles(files, seen),
      storageHealth: openStorageHealth(healthByDefault, { ...seen, files, now: Date.now, runsPrograms: false }),
      log,
    }),
  )
  return { hypervisor, machine }
}

/** Without the moments, and without what a disk of this very machine does meanwhile. */
function timeless(sample: Sample): unknown {
  return { ...sample, vms: sample.vms.map(({ atMs: _at, ...vm }) => vm) }
}

const messagesOf = (sample: Sample): string[] => [...new Set(sample.gaps.map(({ message }) => message))]

describe.skipIf(missing !== undefined)('figures', () => {
  it.each([
    ['of a recorded dom0', () => recordedTree(), recordedXen()],
    ['of the elab host with Linux 6.1', () => buildTree(elabTree() + elabMachine(boots[0], 5000)), elabXen()],
    [
      'of the elab host with Xen 3.4 and Linux 2.6.18',
      () => buildTree(elabTreeOfCentos5() + elabMachine(boots[0], 5000)),
      elabXen(),
    ],
  ])('%s are those of an agent on it', async (_, tree, xen) => {
    const { host, hypervisor, machine, read } = await open(await hostOf(tree(), xen))
    const witness = await local(host, hypervisor.identity.hostId)
    const sample = await read()
    expect(timeless(sample)).toEqual(timeless(await witness.hypervisor.sample(new Set(stateGroups), {}, signal)))
    expect(sample.gaps).toEqual([])
    expect(sample.vms.some(({ disks }) => disks?.length === 1)).toBe(true)
    const inventory = await hypervisor.inventory(signal)
    const own = await witness.hypervisor.inventory(signal)
    const { name } = inventory.host
    const whole = async (found: Inventory, from: Machine): Promise<unknown> => ({
      ...found,
      host: { ...(await from.complete(found.host)), name },
      arrays: found.arrays.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    })
    expect(await whole(inventory, machine)).toEqual(await whole(own, witness.machine))
    expect(await hypervisor.probe(signal)).toEqual(await witness.hypervisor.probe(signal))
    expect(seenFromAfar(await machine.capabilities())).toEqual(seenFromAfar(await witness.machine.capabilities()))
    expect(await machine.arrays(inventory.arrays)).toEqual(await witness.machine.arrays(inventory.arrays))
    const [ours, theirs] = [await machine.sample(signal), await witness.machine.sample(signal)]
    const still = ({ fileSystems, ...rest }: typeof ours.host) => ({
      ...rest,
      mounts: fileSystems?.map(({ mount }) => mount),
    })
    expect(still(ours.host)).toEqual(still(theirs.host))
    expect(hypervisor.identity).toEqual({ ...witness.hypervisor.identity, name })
  })

  it('each disk of the elab host is on its array, as Linux 2.6.18 shows it', async () => {
    const { hypervisor } = await open(await hostOf(elabTreeOfCentos5() + elabMachine(boots[0], 5000)))
    const { vms, host } = await hypervisor.inventory(signal)
    const { hostId, name, bootId } = hypervisor.identity
    expect([name, host.name, bootId]).toEqual(['xenhv01', 'xenhv01', boots[0]])
    expect(vms.map((vm) => [vm.name, vm.disks[0]?.arrayKey, vm.disks[0]?.backend])).toEqual([
      ['maxwell', `iscsi:${boxIqn}`, 'iscsi'],
      ['tesla', `iscsi:${boxIqn}`, 'iscsi'],
      // A kernel this old does not say what is a logical volume.
      ['bell', `local:${hostId}:sdd`, 'block'],
      ['kohaku', `local:${hostId}:sdd`, 'file'],
      ['panda', `local:${hostId}:sda`, 'block'],
    ])
  })

  it('what a disk does is seen by the next beat, and nothing when nothing moves', async () => {
    const { host, read } = await elab()
    await read()
    const fast = () => read(['block'], { onlyMoved: true })
    expect((await fast()).vms).toEqual([])
    const before = host.daemon.calls.length
    host.set('sys/bus/xen-backend/devices/vbd-6-51712/statistics/wr_sect', '4096')
    const { vms } = await fast()
    expect(vms.map(({ uuid, disks }) => [uuid.slice(-2), disks?.[0]?.writeBytes])).toEqual([['06', 4096 * 512]])
    expect((await fast()).vms).toEqual([])
    expect(host.daemon.calls.length).toBe(before)
  })

  /** The elab host with xm, which does `before` before it prints. */
  async function hostWithXm(before: string) {
    const tools = mkdtempSync(join(tmpdir(), 'headroom-xm-'))
    stops.push(async () => rmSync(tools, { recursive: true }))
    for (const [words, file] of [
      ['list', 'xm-list.txt'],
      ['list -l', 'xm-list-l.txt'],
      ['info', 'xm-info.txt'],
    ] as const) {
      writeFileSync(join(tools, words), recorded(file))
    }
    writeFileSync(join(tools, 'xm'), `#!/bin/sh\ncd "${tools}"\n${before}\nexec cat "$*"\n`, { mode: 0o755 })
    const host = await hostOf(elabTreeOfCentos5() + elabMachine(boots[0], 5000), elabXen(), {
      arguments: `--path ${tools}:/usr/bin:/bin`,
    })
    host.libvirt('away')
    return { tools, ...(await open(host, {}, 'xen-tools')) }
  }

  it('xm may take its time: disks are read after its list, not before', async () => {
    const { host, tools, hypervisor, read } = await hostWithXm(
      '[ "$*" != list ] || while [ -e wait ]; do : >asked; sleep 0.05; done',
    )
    const tesla = (await hypervisor.inventory(signal)).vms.find(({ name }) => name === 'tesla')
    writeFileSync(join(tools, 'wait'), '')
    const reading = read()
    await vi.waitFor(() => expect(existsSync(join(tools, 'asked'))).toBe(true), { timeout: 5000 })
    host.set('sys/bus/xen-backend/devices/vbd-6-51712/statistics/wr_sect', '4096')
    rmSync(join(tools, 'wait'))
    const { vms } = await reading
    expect(vms.find(({ uuid }) => uuid === tesla?.uuid)?.disks?.[0]?.writeBytes).toBe(4096 * 512)
  })

  it('by the text of xm where libvirt is too old: state, CPU, memory, disks and their arrays, and no libvirt at all', async () => {
    const { host, hypervisor, read } = await hostWithXm(':')
    const { vms, gaps, host: figures } = await read()
    expect(gaps).toEqual([])
    const { vms: defined } = await hypervisor.inventory(signal)
    expect(vms.length).toBe(defined.length)
    const maxwell = defined.find(({ name }) => name === 'maxwell')
    expect(maxwell?.disks.map(({ arrayKey }) => arrayKey)).toEqual([`iscsi:${boxIqn}`])
    expect(vms.find(({ uuid }) => uuid === maxwell?.uuid)).toMatchObject({ cpuSeconds: expect.any(Number) })
    expect(figures?.memoryBytes).toBeGreaterThan(0)
    expect(host.daemon.connections).toEqual([])
  })

  it('an account without a forced command, by a path', async () => {
    const host = await hostOf(elabTree() + elabMachine(boots[0], 1))
    const key = readFileSync(join(host.sshd.directory, 'key.pub'), 'utf8')
    const script = join(host.root, 'headroom-reader')
    writeFileSync(script, `#!/bin/sh\nexec dash ${readerWithRoot(host.root)} "$@"\n`, { mode: 0o755 })
    writeFileSync(join(host.sshd.directory, 'authorized_keys'), key)
    const { read } = await open(host, { reader: script })
    expect((await read()).vms).toHaveLength(5)
  })

  it('closing leaves no process and no file', async () => {
    const left = await ownTemporary()
    const { host, read, close } = await elab()
    await read()
    expect(left()).toEqual([expect.stringMatching(/^headroom-ssh-/)])
    expect(host.sshd.readers('files')).toHaveLength(1)
    await close()
    expect(left()).toEqual([])
    await until(() => expect(host.sshd.processes()).toEqual([]))
  })
})

/** A directory for temporary files that is this test's own. @returns what ssh has there */
async function ownTemporary(): Promise<() => string[]> {
  const own = await scratch()
  stops.unshift(() => own.remove())
  vi.stubEnv('TMPDIR', own.path)
  return () => readdirSync(own.path).filter((name) => name.startsWith('headroom-ssh-'))
}

function readerWithRoot(root: string): string {
  return `${join(import.meta.dirname, '../../deploy/remote/headroom-reader.sh')} --root ${root}`
}

describe.skipIf(missing !== undefined)('what fails and comes back by itself', () => {
  it('the reader is killed: the host’s files are a gap, libvirt goes on', async () => {
    const { host, hypervisor, read, told } = await elab()
    await read()
    for (const pid of host.sshd.readers('files')) process.kill(pid, 'SIGKILL')
    const gap = await vi.waitFor(async () => {
      const sample = await read()
      expect(sample.gaps).not.toEqual([])
      return sample
    })
    expect(messagesOf(gap)).toEqual([expect.stringContaining('127.0.0.1 ended the channel')])
    expect(gap.gaps.map(({ vmUuid, group }) => [vmUuid, group])).toEqual([
      [undefined, 'block'],
      [undefined, 'nic'],
      [undefined, 'host'],
    ])
    expect(gap.vms.map(({ cpuSeconds, disks }) => [cpuSeconds, disks])).toEqual(
      Array.from({ length: 5 }, () => [2, undefined]),
    )
    await until(async () => expect((await read()).gaps).toEqual([]))
    expect((await read()).vms.every(({ disks }) => disks?.length === 1)).toBe(true)
    expect((await hypervisor.inventory(signal)).vms).toHaveLength(5)
    // The connection held.
    expect(told).toEqual([])
  })

  it('ssh is cut: the host is unavailable with the reason, then it is back', async () => {
    const { host, read, told, machine, hypervisor } = await elab()
    const before = await read()
    await host.sshd.cut()
    await until(() => expect(read()).rejects.toThrow(HypervisorUnavailable))
    await until(() => expect(read()).rejects.toThrow('Connection refused'))
    expect((await machine.sample(signal)).host).toEqual({})
    expect(await machine.arrays([{ key: 'a', name: 'a', kind: 'local', devices: ['sda'] }])).toEqual([])
    await expect(hypervisor.inventory(signal)).rejects.toThrow(HypervisorUnavailable)
    await host.sshd.listen()
    await until(() => expect(told.map(({ kind }) => kind)).toEqual(['hypervisor-lost', 'hypervisor-back']))
    const after = await read()
    expect(after.gaps).toEqual([])
    expect(after.vms.map(({ runId }) => runId)).toEqual(before.vms.map(({ runId }) => runId))
    const problems = logged.lines.filter(({ msg }) => msg === 'no connection over ssh').map(({ reason }) => reason)
    // Each problem is said once, however often it is met.
    expect(problems).toEqual([...new Set(problems)])
  })

  it('the host boots anew: another boot id, other runs, its totals from the beginning', async () => {
    const { host, hypervisor, read, told } = await elab()
    expect((await read()).vms.map(({ runId }) => runId)).toContain(`5-${boots[0].slice(0, 8)}`)
    await host.sshd.cut()
    host.libvirt('away')
    host.set('proc/sys/kernel/random/boot_id', boots[1])
    host.set('sys/bus/xen-backend/devices/vbd-5-51712/statistics/rd_req', '3')
    await host.sshd.listen()
    // The machine is there before libvirt is: what is said of it is of the new life already.
    await until(async () => {
      await read().catch(() => undefined)
      expect(hypervisor.identity.bootId).toBe(boots[1])
    })
    await expect(read()).rejects.toThrow(/booted anew|no libvirt answers/)
    host.libvirt('there')
    await until(() =>
      expect(told.at(-1)).toMatchObject({ kind: 'hypervisor-back', message: 'the host was booted anew' }),
    )
    const { vms, gaps } = await read()
    expect(gaps).toEqual([])
    const maxwell = vms.find(({ runId }) => runId === `5-${boots[1].slice(0, 8)}`)
    expect(maxwell?.disks?.[0]).toMatchObject({ readRequests: 3, deviceReadRequests: 0 })
    expect((await hypervisor.inventory(signal)).vms).toHaveLength(5)
  })

  it('the host key has changed: refused, said in words, never taken by itself; put there by a person, it goes on', async () => {
    const { host, read, hypervisor } = await elab()
    const known = readFileSync(host.sshd.target.knownHostsFile, 'utf8')
    await host.sshd.cut()
    const fingerprint = host.sshd.changeHostKey()
    await host.sshd.listen()
    const words = `the host key of 127.0.0.1 has changed to ${fingerprint}: refused`
    await until(() => expect(read()).rejects.toThrow(words))
    await expect(hypervisor.inventory(signal)).rejects.toThrow(words)
    expect(logged.lines).toContainEqual(
      expect.objectContaining({ level: 50, msg: 'no connection over ssh', reason: expect.stringContaining(words) }),
    )
    expect(readFileSync(host.sshd.target.knownHostsFile, 'utf8')).toBe(known)
    expect(host.sshd.log).not.toContain('Accepted publickey')
    host.sshd.trustHostKey()
    await until(async () => expect((await read()).gaps).toEqual([]))
  })

  it('the key is taken away, and given back', async () => {
    const { host, read } = await elab()
    await host.sshd.cut()
    host.sshd.forbid()
    await host.sshd.listen()
    await until(() => expect(read()).rejects.toThrow(/127\.0\.0\.1 does not let \S+ in with/))
    host.sshd.force({ root: host.root })
    await until(async () => expect((await read()).gaps).toEqual([]))
  })

  it('libvirt is away while ssh is up', async () => {
    const { host, read, told, machine } = await elab()
    host.libvirt('away')
    await until(() => expect(read()).rejects.toThrow('there is no read-only socket of libvirt'))
    expect((await machine.sample(signal)).host.uptimeSeconds).toBe(5000)
    host.libvirt('there')
    await until(() => expect(told.map(({ kind }) => kind)).toEqual(['hypervisor-lost', 'hypervisor-back']))
    expect((await read()).gaps).toEqual([])
  })

  it('a host that is silent costs a deadline, then nothing, until it speaks', async () => {
    const { host, read } = await elab()
    await read()
    host.sshd.freeze()
    stops.push(async () => host.sshd.thaw())
    const began = performance.now()
    const outcome = await read(['block'], { onlyMoved: true })
    expect(performance.now() - began).toBeLessThan(6000)
    expect(messagesOf(outcome)).toEqual(['no answer to fast within 3000 ms'])
    const again = performance.now()
    await read(['block'], { onlyMoved: true })
    expect(performance.now() - again).toBeLessThan(1000)
    host.sshd.thaw()
    await until(async () => expect((await read()).gaps).toEqual([]))
  })
})

describe.skipIf(missing !== undefined)('what does not even begin', () => {
  const opening = async (host: RemoteXenHost, target: Partial<SshTarget> = {}): Promise<unknown> =>
    open(host, target).catch((error: unknown) => error)

  it('an unknown host key, another key of ours, a key that others may read', async () => {
    const host = await hostOf(elabTree())
    const empty = join(dataDir.path, 'nothing')
    writeFileSync(empty, '')
    const unknown = await opening(host, { knownHostsFile: empty })
    expect(unknown).toBeInstanceOf(HypervisorDenied)
    expect(String(unknown)).toContain(`the host key of 127.0.0.1 is not in ${empty}: refused`)
    expect(readFileSync(empty, 'utf8')).toBe('')
    expect(String(await opening(host, { identityFile: join(host.sshd.directory, 'host_key') }))).toMatch(/does not let/)
    const open600 = join(dataDir.path, 'open-key')
    writeFileSync(open600, readFileSync(host.sshd.target.identityFile), { mode: 0o644 })
    expect(String(await opening(host, { identityFile: open600 }))).toContain('others may read that file')
    expect(String(await opening(host, { identityFile: '/nowhere' }))).toMatch(/does not let|no such/i)
  })

  it.each([
    ['which is a shell without the reader', 'exit 127', /no connection to 127\.0\.0\.1|ended the channel/],
    ['which says anything and much of it', 'yes', /says other things/],
    ['whose reader is newer', 'echo @@headroom 0 ready 2; cat', /is of version 2, expected 1: replace it/],
    ['which is closed to logins', 'echo This account is currently not available.; exit 1', /no connection/],
  ])('an account %s', async (_, command, message) => {
    const host = await hostOf(elabTree(), elabXen(), { command })
    const error = await opening(host)
    expect(error).toBeInstanceOf(HypervisorUnavailable)
    expect(String(error)).toMatch(message)
  })

  it.each([
    ['malformed', 'echo @@headroom 0 ready 1; while read -r w; do echo hello; done', /does not answer as it should/],
    [
      'without an end',
      "echo @@headroom 0 ready 1; read -r w; printf '\\n@@headroom 1 begin inventory\\n'; cat /dev/zero",
      /more than 16777216 bytes/,
    ],
  ])('a reader whose frames are %s', async (_, script, message) => {
    const host = await hostOf(elabTree(), elabXen())
    const file = join(host.root, 'evil.sh')
    writeFileSync(file, `case $SSH_ORIGINAL_COMMAND in hold) echo @@headroom 0 ready 1; cat;; esac\n${script}\n`)
    host.sshd.force({ command: `sh ${file}` })
    expect(String(await opening(host))).toMatch(message)
    await until(() => expect(host.sshd.processes()).toEqual([]))
  })

  it('a host that does not answer keeps nobody from stopping', async () => {
    const host = await hostOf(elabTree())
    host.sshd.freeze()
    const left = await ownTemporary()
    const stop = new AbortController()
    const opening = openRemote({
      storageHealth: healthByDefault,
      target: host.sshd.target,
      read: 'xen:///system',
      name: undefined,
      hostIds: await HostIds.load(dataDir.path, [], logged.log),
      entry: 'one',
      log: logged.log,
      now: () => Date.now(),
      signal: stop.signal,
    })
    const outcome = opening.catch((error: unknown) => error)
    await until(() => expect(left()).toEqual([expect.stringMatching(/^headroom-ssh-/)]))
    const began = performance.now()
    stop.abort()
    expect(await outcome).toBeInstanceOf(HypervisorUnavailable)
    expect(left()).toEqual([])
    expect(performance.now() - began).toBeLessThan(5000)
    host.sshd.thaw()
  })

  it('no ssh at the other end', async () => {
    const host = await hostOf(elabTree())
    await host.sshd.cut()
    expect(String(await opening(host))).toContain('Connection refused')
    expect(existsSync(join(dataDir.path, 'host-id-one'))).toBe(false)
  })
})
