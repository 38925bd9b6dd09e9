import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'

import { startAgent } from '../../agent/agent.js'
import { agentConfigSchema } from '../../agent/config.js'
import { createLocalFiles } from '../../agent/host/local-files.js'
import { createArrayResolver } from '../../agent/storage/array-resolver.js'
import { createLog } from '../../common/log.js'
import { arrayView, hostView } from '../../controller/api/views.js'
import { controllerConfigSchema } from '../../controller/config.js'
import { startController } from '../../controller/controller.js'
import { IscsiTarget } from '../lab/iscsi-target.js'
import { freePort } from '../support/free-port.js'
import { startLibvirtDaemon } from '../support/libvirt-daemon.js'
import { storcliScript } from '../support/storcli-script.js'
import { waitFor } from '../support/wait-for.js'

const log = createLog('test', 'silent')
const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

const intervals = { state: '1s', fast: '500ms', block: '1s', guestMemory: '5s' }

/** It ends with the test, and with this process. */
function bound(command: readonly string[], env: NodeJS.ProcessEnv = process.env): ChildProcess {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], { env, stdio: 'ignore' })
  cleanUps.push(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  return child
}

/** A tgtd with one LUN, and a session that has written 3 MiB to it and stays. @returns tgtd's management socket */
async function startTarget(image: string, iqn: string): Promise<string> {
  const [socket, port] = [`${image}.control`, await freePort()]
  await writeFile(image, '')
  await truncate(image, 16 * 2 ** 20)
  const env = { ...process.env, TGT_IPC_SOCKET: socket }
  bound(['tgtd', '--foreground', '--iscsi', `portal=127.0.0.1:${port}`], env)
  const target = new IscsiTarget(socket)
  await target.ready(20_000)
  await target.addTarget(1, iqn)
  await target.addLun(1, 1, image)
  const work = ['write 0 3M', 'sleep 600000'].flatMap((command) => ['-c', command])
  bound(['qemu-io', '-f', 'raw', ...work, `iscsi://127.0.0.1:${port}/${iqn}/1`])
  await waitFor(30_000, 'what was written', async () =>
    (await target.sessions()).some(({ writeBytes }) => writeBytes === 3 * 2 ** 20),
  )
  return `${socket}.0`
}

/** The disk that a directory lies on, and where its file system is mounted. */
async function groundOf(directory: string): Promise<{ readonly device: string; readonly mount: string }> {
  const { array } = await createArrayResolver({
    files: createLocalFiles(),
    procRoot: '/proc',
    sysRoot: '/sys',
    devRoot: '/dev',
    rootFs: '/',
    hostId: '',
    log,
    now: () => Date.now(),
  })({ type: 'file', source: join(directory, 'x') })
  const [device] = array?.devices ?? []
  if (device === undefined)
    throw new Error(`${directory}: expected it on a disk of this machine; set TMPDIR to one that is`)
  const mount = execFileSync('findmnt', ['-no', 'TARGET', '-T', directory], { encoding: 'utf8' }).trim()
  return { device, mount }
}

function vmOn(iqn: string): string {
  return `<domain type='qemu'><name>vm1</name><memory>16384</memory><os><type>hvm</type></os><devices>
    <disk type='network' device='disk'><source protocol='iscsi' name='${iqn}/1'><host name='127.0.0.1'/></source><target dev='vda' bus='virtio'/></disk>
  </devices></domain>`
}

/** Overwrites a file of its own over and over, each time down to the disk. */
const writes = `const fs = require('node:fs')
const file = fs.openSync(process.argv[1], 'w')
const bytes = Buffer.alloc(512 * 1024, 1)
setInterval(() => { fs.writeSync(file, bytes, 0, bytes.length, 0); fs.fsyncSync(file) }, 100)`

interface Chain {
  readonly get: (path: string) => Promise<unknown>
  readonly hosts: () => Promise<z.output<typeof hostView>[]>
  readonly arrays: () => Promise<z.output<typeof arrayView>[]>
}

/** A controller, an agent that reports to it, and the controller's API. */
async function startChain(directory: string, agentSettings: object): Promise<Chain> {
  const data = join(directory, 'controller')
  const shared = { version: '0', log, now: () => Date.now() }
  const controller = await startController({
    config: controllerConfigSchema.parse({ data, http: { port: 0 }, grpc: { port: 0 }, intervals }),
    webDir: undefined,
    ...shared,
  })
  cleanUps.push(() => controller.stop())
  const agent = await startAgent({
    config: agentConfigSchema.parse({
      data: join(directory, 'agent'),
      name: 'box1',
      controllers: [
        { address: `127.0.0.1:${controller.grpcPort}`, joinTokenFile: `${data}/controller/local-join-token` },
      ],
      metrics: { port: 0 },
      intervals,
      ...agentSettings,
    }),
    monotonicMs: () => performance.now(),
    ...shared,
  })
  cleanUps.push(() => agent.stop())
  const token = (await readFile(join(data, 'controller/api-token'), 'utf8')).trim()
  const get = async (path: string): Promise<unknown> => {
    const answer = await fetch(new URL(path, controller.url), { headers: { authorization: `Bearer ${token}` } })
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
    return answer.json()
  }
  return {
    get,
    hosts: async () => z.object({ hosts: z.array(hostView) }).parse(await get('/api/v1/hosts')).hosts,
    arrays: async () => z.object({ arrays: z.array(arrayView) }).parse(await get('/api/v1/arrays')).arrays,
  }
}

test(
  'what an array does comes from the machine to the API: canary, LUNs, writers, and a write cache that is lost with its battery',
  { timeout: 180_000 },
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'headroom-array-'))
    cleanUps.push(() => rm(directory, { recursive: true, force: true }))
    const { device, mount } = await groundOf(directory)
    const storcli = await storcliScript(directory, device)
    const iqn = 'iqn.2026-01.test:array'
    const socket = await startTarget(join(directory, 'lun'), iqn)
    const writer = bound([process.execPath, '-e', writes, join(directory, 'written')])
    const libvirt = await startLibvirtDaemon()
    cleanUps.push(() => libvirt.stop())
    // An array that nobody uses is not told of.
    await writeFile(join(directory, 'vm.xml'), vmOn(iqn))
    await libvirt.virsh('define', join(directory, 'vm.xml'))

    const { hosts, arrays } = await startChain(directory, {
      hypervisors: [{ kind: 'libvirt', socket: libvirt.socketRo }],
      storageHealth: { raidInterval: '10s', storcli: storcli.program, smartctl: 'off', lvm: 'off' },
      exports: { tgt: socket },
      canary: [{ on: mount, file: join(directory, 'headroom-canary') }],
    })
    const cacheOf = async (isIt: (key: string) => boolean): Promise<string | undefined> =>
      (await arrays()).find(({ key }) => isIt(key))?.writeCache
    const isLocal = (key: string): boolean => key.startsWith('local:')

    await waitFor(60_000, 'the canary', async () =>
      (await arrays()).some(({ key, metrics }) => isLocal(key) && (metrics['canaryMs'] ?? 0) > 0),
    )
    await waitFor(30_000, 'the LUN, its session and the writer', async () => {
      const [host] = await hosts()
      const [lun] = host?.exports ?? []
      const isSeen = host?.busyProcesses?.some(({ pid }) => pid === writer.pid) ?? false
      return (lun?.sessions.length ?? 0) > 0 && isSeen
    })
    const [host] = await hosts()
    expect(host?.exports).toMatchObject([
      {
        arrayKey: `iscsi:${iqn}`,
        lun: '1',
        backing: join(directory, 'lun'),
        sessions: [{ initiator: expect.stringMatching(/^iqn\./), address: '127.0.0.1' }],
      },
    ])
    expect(host?.busyProcesses?.find(({ pid }) => pid === writer.pid)?.writeBytesPerSecond).toBeGreaterThan(500_000)

    await waitFor(30_000, 'the write cache', async () => (await cacheOf(isLocal)) === 'write-back')
    expect(await cacheOf((key) => key === `iscsi:${iqn}`)).toBe('write-back')
    await storcli.setBattery('Failed')
    const failedMs = performance.now()
    await waitFor(30_000, 'write-through', async () => (await cacheOf(isLocal)) === 'write-through')
    // A reading of the controller each 10 s, a tick each half second, and what the way and a busy machine take.
    expect(performance.now() - failedMs).toBeLessThan(15_000)
    expect(await cacheOf((key) => key === `iscsi:${iqn}`)).toBe('write-through')
    await storcli.setBattery('Optimal')
    await waitFor(30_000, 'write-back', async () => (await cacheOf(isLocal)) === 'write-back')
  },
)

test('a storage server without a hypervisor is a host for its load and its LUNs, and no place for VMs', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'headroom-storage-server-'))
  cleanUps.push(() => rm(directory, { recursive: true, force: true }))
  const iqn = 'iqn.2026-01.test:box'
  const socket = await startTarget(join(directory, 'lun'), iqn)
  const { hosts, get } = await startChain(directory, {
    hypervisors: [{ kind: 'storage' }],
    storageHealth: { storcli: 'off', smartctl: 'off', lvm: 'off' },
    exports: { tgt: socket },
  })
  await waitFor(40_000, 'its LUN and its load', async () => {
    const [host] = await hosts()
    return host?.exports?.[0]?.arrayKey === `iscsi:${iqn}` && host.metrics['cpuUsedCores'] !== undefined
  })
  const [host] = await hosts()
  expect(host).toMatchObject({ name: 'box1', kind: 'storage', status: 'up', vms: 0 })
  expect(host?.storageHealth?.sources.map(({ name }) => name)).toEqual(['md'])
  expect(host?.fileSystems).not.toEqual([])
  expect(host?.ledger.memoryBytes).toBeGreaterThan(0)
  expect(host?.ledger.room).toBeUndefined()
  const ofVms = new Map(host?.capabilities.map(({ name, ...said }) => [name, said]))
  expect(ofVms.get('disk-bytes')).toEqual({ support: 'no', reason: 'a storage server has no VMs' })
  expect(ofVms.get('storage-exports')?.support).toBe('yes')
  expect(await get('/api/v1/fleet')).toMatchObject({
    hosts: { total: 0, up: 0 },
    agents: { connected: 1 },
    room: 0,
  })
  expect(await get('/api/v1/capacity')).toMatchObject({ hosts: [], findings: [] })
})
