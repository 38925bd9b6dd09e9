import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, describe, expect, test } from 'vitest'

import { factsInFiles } from '../../agent/host/facts-in-files.js'
import { createLocalFiles } from '../../agent/host/local-files.js'
import type { MachineFiles } from '../../agent/host/machine-files.js'
import { createMachine } from '../../agent/host/machine.js'
import { defaultRoots } from '../../agent/host/roots.js'
import { RpcConnection } from '../../agent/hypervisor/libvirt/connection.js'
import type { Question, ReaderStream } from '../../agent/hypervisor/remote/reader-stream.js'
import type { RemoteReader } from '../../agent/hypervisor/remote/remote-reader.js'
import { remoteXenActor } from '../../agent/hypervisor/remote/remote-acting.js'
import { remoteXenTools } from '../../agent/hypervisor/remote/remote-xen-tools.js'
import { BackendDevices } from '../../agent/hypervisor/xen/backend-devices.js'
import { createArrayResolver } from '../../agent/storage/array-resolver.js'
import type { DiskSource } from '../../agent/storage/disk-source.js'
import { createLog } from '../../common/log.js'
import { buildTree, type Tree } from '../fixtures/proc/build-tree.js'
import { elabTree, elabTreeOfCentos5 } from '../fixtures/xen/elab-trees.js'
import { recorded, recordedTree } from '../fixtures/xen/recorded-host.js'
import { startFakeDaemon } from '../support/libvirt-fake-daemon.js'
import { readerOf, runReader, shells, type Shell } from '../support/reader-process.js'
import { readerScript } from '../support/ssh-server.js'

// deploy/remote/headroom-reader.sh by itself, in every shell: what comes of it has to be what a local agent reads.

const log = createLog('test', 'silent')
const named = shells.map((shell) => [shell.join(' '), shell] as const)
const { signal } = new AbortController()
const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

interface Seen {
  readonly files: MachineFiles
  readonly procRoot: string
  readonly sysRoot: string
  readonly devRoot: string
  readonly rootFs: string
}

function rootOf({ procRoot }: Tree): string {
  return path.dirname(procRoot)
}

function laid(tree: Tree): Tree {
  stops.push(() => tree.remove())
  return tree
}

/** The tree as an agent on that machine sees it. */
function here(tree: Tree): Seen {
  return { ...tree, rootFs: rootOf(tree), files: createLocalFiles() }
}

async function there(
  shell: Shell,
  args: readonly string[],
): Promise<Seen & { reader: RemoteReader; stream: ReaderStream }> {
  const { reader, stream } = readerOf(shell, args)
  stops.push(() => stream.close())
  await reader.refresh('inventory')
  return { ...defaultRoots, devRoot: '/dev', files: reader.files, reader, stream }
}

const sources: readonly DiskSource[] = [
  { type: 'block', source: '/dev/elab/maxwell', deviceNumber: '253:3' },
  { type: 'block', source: '/dev/elab/tesla', deviceNumber: '253:10' },
  { type: 'block', source: '/dev/local/bell', deviceNumber: '253:11' },
  { type: 'file', source: '/images/kohaku.img' },
  { type: 'block', source: '/dev/sda3', deviceNumber: '8:3' },
  { type: 'file', source: '/tmp/d.img' },
  { type: 'block', source: '/dev/loop0', deviceNumber: '7:0' },
  { type: 'file', source: '/var/lib/xen/images/linked/x.img' },
]

/** All that collectors and drivers make of a machine's files. */
async function all(seen: Seen): Promise<unknown> {
  const backends = new BackendDevices(seen.sysRoot, seen.files)
  const domains = [...(backends.list()?.entries() ?? [])].toSorted(([a], [b]) => a - b)
  const resolve = createArrayResolver({ now: Date.now, ...seen, hostId: 'h1' })
  const machine = await createMachine({ ...seen, log })
  const { host, runs } = await machine.sample(signal)
  return {
    disks: domains.flatMap(([id, { disks }]) =>
      disks.map((disk) => [
        id,
        disk.target,
        backends.figures(disk),
        backends.activity(disk),
        backends.physicalDevice(disk),
        backends.readOnly(disk),
      ]),
    ),
    nics: domains.flatMap(([, { nics }]) => nics.map((nic) => backends.traffic(nic))),
    arrays: await Promise.all(sources.map((source) => resolve(source))),
    facts: await factsInFiles(seen.files, seen),
    host: { ...host, fileSystems: host.fileSystems?.map(({ availableBytes: _a, filesFree: _f, ...rest }) => rest) },
    succeeded: runs.filter(({ success }) => success).map(({ name }) => name),
  }
}

const more = String.raw`
  proc/cpuinfo = processor : 0\nmodel name : Intel(R) Xeon(R) CPU  X3430\nprocessor : 1\nmodel name : x
  proc/sys/kernel/osrelease = 2.6.18-238.el5xen
  proc/sys/kernel/random/boot_id = 0f0e7d3c-5a52-4d5e-9d3b-2b8c4a6f1e10
  proc/stat = cpu 1 2 3 4 5 6 7\ncpu0 1 2 3 4 5 6 7
  proc/loadavg = 0.33 0.23 0.14 1/80 11206
  proc/meminfo = MemTotal: 526820 kB\nMemFree: 1000 kB
  proc/vmstat = pswpin 3\npswpout 4
  proc/uptime = 350735.47 234388.90
  proc/net/dev = Inter-| Receive\n face |bytes\neth0:1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0
  proc/diskstats = 8 0 sda 1 0 2 3 4 0 5 6 0 7 8\n253 3 dm-3 1 0 2 3 4 0 5 6 0 7 8
  sys/class/dmi/id/sys_vendor = HP
  sys/class/dmi/id/product_name = ProLiant DL120 G6
  sys/bus/xen-backend/devices/vif-5-0/net:web0/
  sys/class/net/web0/statistics/tx_bytes = 7
  sys/class/net/web0/statistics/tx_packets = 1
  etc/redhat-release = CentOS release 5.6 (Final)
  images/kohaku.img = x
  var/lib/xen/images/linked -> /images`

describe.each(named)('%s', (_name, shell) => {
  test.each([
    ['Linux 6.1, hand-written', () => buildTree(elabTree() + more)],
    ['Linux 2.6.18, hand-written', () => buildTree(elabTreeOfCentos5() + more)],
    ['a recorded dom0', recordedTree],
    ['a machine without anything', () => buildTree('')],
  ])('%s: the same as an agent on the machine makes of it', async (_, build) => {
    const tree = laid(build())
    const own = await all(here(tree))
    expect(await all(await there(shell, ['--root', rootOf(tree)]))).toEqual(own)
  })

  test('what was recorded comes through', async () => {
    const { files } = await there(shell, ['--root', rootOf(laid(recordedTree()))])
    const backends = new BackendDevices('/sys', files)
    const [disk] = backends.list()?.get(1)?.disks ?? []
    if (disk === undefined) throw new Error('no disk')
    expect(backends.figures(disk)).toMatchObject({ target: 'xvda', readRequests: 122, writeBytes: 16_384 * 512 })
  })

  test('this very machine', async () => {
    const remote = await there(shell, [])
    const local: Seen = { ...defaultRoots, devRoot: '/dev', files: createLocalFiles() }
    const [ours, theirs] = await Promise.all([remote, local].map((seen) => still(seen)))
    expect(ours).toEqual(theirs)
    expect(remote.reader.bootId).toMatch(/^[\da-f-]{36}$/)
  })

  test('words that are none get nothing, and no word can run or name anything', async () => {
    const tree = laid(buildTree(more))
    const { stream } = readerOf(shell, ['--root', rootOf(tree)])
    stops.push(() => stream.close())
    const bait = path.join(rootOf(tree), 'bait')
    for (const word of [`fast;touch ${bait}`, '../../etc/passwd', '*', 'state x', '-n', `$(touch ${bait})`]) {
      const parts = await stream.ask({ word, deadlineMs: 5000, mostBytes: 10_000 })
      expect(parts.map(({ kind, body }) => [kind, body.length])).toEqual([['unknown', 0]])
    }
    expect(readdirSync(rootOf(tree))).not.toContain('bait')
  })

  test('ends with its input', async () => {
    for (const word of ['files', 'hold']) {
      const { stream, ended } = await runReader(shell, [word])
      stream.end()
      expect(await ended).toBe(0)
    }
  })

  test.each(['', 'sh', 'libvirt', 'files;id'])('asked for %j it refuses', async (word) => {
    await expect(runReader(shell, [word])).rejects.toThrow('asked for something else')
  })
})

/** What does not change between two looks. */
async function still(seen: Seen): Promise<unknown> {
  const { host } = await (await createMachine({ ...seen, log })).sample(signal)
  const nodes = readdirSync('/dev').filter((name) => /^(?:[hsv]d[a-z]\d*|nvme\d.*|loop\d+|dm-\d+)$/.test(name))
  const resolve = createArrayResolver({ now: Date.now, ...seen, hostId: 'h1' })
  const disks = nodes.slice(0, 20).map((name): DiskSource => ({ type: 'block', source: `/dev/${name}` }))
  return {
    threads: host.cpuThreads,
    memory: host.memoryBytes,
    disks: host.disks?.map(({ device }) => device),
    networks: host.networks?.map(({ device }) => device),
    fileSystems: host.fileSystems?.map(({ mount, device, type, sizeBytes, files }) => [
      mount,
      device,
      type,
      sizeBytes,
      files,
    ]),
    numbers: await Promise.all(nodes.map(async (name) => (await seen.files.deviceNumbers(`/dev/${name}`)).own)),
    arrays: await Promise.all(
      [...disks, { type: 'file', source: '/headroom.img' } as const].map((disk) => resolve(disk)),
    ),
    facts: await factsInFiles(seen.files, seen),
  }
}

describe('the price of a beat', () => {
  /** Disks of VMs, and an interface each. */
  function busy(count: number): Tree {
    const at = 'sys/bus/xen-backend/devices'
    const names = ['rd_req', 'wr_req', 'oo_req', 'f_req', 'rd_sect', 'wr_sect']
    const vms = Array.from({ length: count }, (_, index) =>
      [
        ...names.map((name) => `${at}/vbd-${index + 1}-51712/statistics/${name} = ${index}`),
        `${at}/vif-${index + 1}-0/`,
      ].join('\n'),
    )
    return laid(buildTree(`proc/diskstats = 8 0 sda 1 0 2 3 4 0 5 6 0 7 8\n${vms.join('\n')}`))
  }

  function processesFor(tree: Tree, words: readonly string[]): number {
    const trace = path.join(rootOf(tree), 'trace')
    const strace = ['-f', '-qq', '-e', 'trace=fork,vfork,clone,clone3', '-o', trace, 'dash', readerScript]
    const { status, stderr } = spawnSync('strace', [...strace, '--root', rootOf(tree), 'files'], {
      input: words.map((word) => `${word}\n`).join(''),
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(stderr)
    return readFileSync(trace, 'utf8')
      .split('\n')
      .filter((line) => / = [1-9]\d*$/.test(line)).length
  }

  test.each([
    [20, 1],
    [100, 1],
    [250, 3],
  ])('for the counters of %i disks: %i processes', async (disks, processes) => {
    const tree = busy(disks)
    const beats = ['fast', 'fast', 'fast', 'fast']
    expect(processesFor(tree, beats)).toBe(beats.length * processes)
    const { files } = await there(['dash'], ['--root', rootOf(tree)])
    expect(new BackendDevices('/sys', files).list()?.size).toBe(disks)
  })
})

describe('the way to libvirt', () => {
  /** A directory of programs that has these only. */
  function programs(...names: readonly string[]): string {
    const directory = mkdtempSync(path.join(tmpdir(), 'headroom-path-'))
    stops.push(() => rmSync(directory, { recursive: true }))
    for (const name of names) {
      const found = execFileSync('sh', ['-c', `PATH=/usr/sbin:/usr/bin:/sbin:/bin; command -v ${name}`], {
        encoding: 'utf8',
      })
      symlinkSync(found.trim(), path.join(directory, name))
    }
    return directory
  }

  async function host(place = 'run/libvirt', socket = 'libvirt-sock-ro') {
    const tree = laid(buildTree(''))
    // More than any pipe holds, both ways.
    const large = Buffer.alloc(300_000, 'x')
    const daemon = await startFakeDaemon((call) => (call.payload.length === large.length ? large : Buffer.alloc(8)))
    stops.push(() => daemon.stop())
    mkdirSync(path.join(rootOf(tree), place), { recursive: true })
    symlinkSync(daemon.path, path.join(rootOf(tree), place, socket))
    return { root: rootOf(tree), daemon, large }
  }

  async function relay(shell: Shell, root: string, only: string, word = 'libvirt-qemu') {
    const { stream, ended } = await runReader(shell, ['--root', root, '--path', only, word])
    const endpoint = { name: 'relay', readOnly: true, dial: async () => stream }
    return { connection: await RpcConnection.connect({ endpoint }), ended }
  }

  test.each(
    shells.flatMap((shell) =>
      ['nc', 'socat', 'perl', 'python3'].map((program) => [shell.join(' '), program, shell] as const),
    ),
  )('%s: by %s', async (_, program, shell) => {
    const { root, daemon, large } = await host()
    const { connection, ended } = await relay(shell, root, programs(program))
    const calls = Array.from({ length: 4 }, async () => (await connection.call(1, large)).remaining)
    expect(await Promise.all(calls)).toEqual(Array(4).fill(large.length))
    connection.close()
    // The daemon's own keep-alive ends one that does not see that nobody listens.
    for (const socket of daemon.connections) socket.end()
    await ended
  })

  test('nc that knows no unix sockets is left alone', async () => {
    const { root } = await host()
    const only = programs('socat')
    writeFileSync(
      path.join(only, 'nc'),
      '#!/bin/sh\n[ "$1" = -h ] && echo "usage: nc [-lnv] host port" && exit 1\nexit 9\n',
    )
    chmodSync(path.join(only, 'nc'), 0o755)
    const { connection } = await relay(['dash'], root, only)
    expect((await connection.call(1, Buffer.alloc(0))).remaining).toBe(8)
    connection.close()
  })

  test.each([
    ['run/libvirt', 'virtxend-sock-ro', 'libvirt-xen'],
    ['run/libvirt', 'virtqemud-sock-ro', 'libvirt-qemu'],
    ['var/run/libvirt', 'libvirt-sock-ro', 'libvirt-xen'],
  ])('%s/%s for %s', async (place, socket, word) => {
    const { root } = await host(place, socket)
    const { connection } = await relay(['dash'], root, programs('perl'), word)
    expect((await connection.call(1, Buffer.alloc(0))).remaining).toBe(8)
    connection.close()
  })

  test('the other socket, for a key that may act', async () => {
    const { root } = await host('run/libvirt', 'libvirt-sock')
    const { stream } = await runReader(['dash'], ['--root', root, '--act', '--path', programs('perl'), 'libvirt-xen'])
    const endpoint = { name: 'relay', readOnly: false, dial: async () => stream }
    const connection = await RpcConnection.connect({ endpoint })
    expect((await connection.call(1, Buffer.alloc(0))).remaining).toBe(8)
    connection.close()
  })

  test.each(named)('%s says what is missing', async (_, shell) => {
    const { root } = await host('run/libvirt', 'libvirt-sock')
    // The socket that may do more is not for readers.
    await expect(relay(shell, root, '/usr/bin')).rejects.toThrow('there is no read-only socket of libvirt')
    const other = await host()
    await expect(relay(shell, other.root, '/nowhere')).rejects.toThrow('nothing here can open a unix socket')
  })
})

describe.each(named)("%s: Xen's tools", (_name, shell) => {
  function directoryOf(scripts: Readonly<Record<string, string>>): string {
    const directory = mkdtempSync(path.join(tmpdir(), 'headroom-tools-'))
    stops.push(() => rmSync(directory, { recursive: true }))
    chmodSync(directory, 0o755)
    for (const [name, script] of Object.entries(scripts)) {
      writeFileSync(path.join(directory, name), `#!/bin/sh\n${script}\n`)
      chmodSync(path.join(directory, name), 0o755)
    }
    return directory
  }
  function asking(scripts: Readonly<Record<string, string>>, ...options: string[]) {
    const { stream } = readerOf(shell, [...options, '--path', `${directoryOf(scripts)}:/usr/bin:/bin`])
    stops.push(() => stream.close())
    return (question: Question) => stream.ask(question)
  }
  function tools(scripts: Readonly<Record<string, string>>) {
    return remoteXenTools(asking(scripts))
  }
  function actor(scripts: Readonly<Record<string, string>>, ...options: string[]) {
    return remoteXenActor(asking(scripts, ...options), () => Promise.resolve())
  }

  test('xl, to the letter', async () => {
    const text = recorded('xl-list.txt')
    const list = path.resolve(import.meta.dirname, '../fixtures/xen/xl-list.txt')
    const xl = tools({ xl: `echo "$*" >&2; [ "$1" = list ] && [ $# = 1 ] && cat ${list} || echo "$@"` })
    expect(await xl.text('list', signal)).toBe(text)
    expect(await xl.text('list-long', signal)).toBe('list -l\n')
    expect(await xl.text('info', signal)).toBe('info\n')
  })

  test('xm where there is no xl, or where xl refuses as xend runs', async () => {
    expect(await tools({ xm: 'echo xm "$@"' }).text('list', signal)).toBe('xm list\n')
    const both = tools({ xl: 'echo half; echo xend is running >&2; exit 1', xm: 'echo xm "$@"' })
    expect(await both.text('list', signal)).toBe('xm list\n')
  })

  test('acts with domains by their number, if it was started for that, and else on nothing', async () => {
    const scripts = { xl: 'echo "xl $*"; [ "$1" != destroy ] || { echo no such domain >&2; exit 1; }' }
    const acts = actor(scripts, '--act')
    expect(await acts.do({ act: 'pause', id: 7 }, signal)).toBe('xl pause 7\n')
    expect(await acts.do({ act: 'mem-set', id: 7, mebibytes: 512 }, signal)).toBe('xl mem-set 7 512m\n')
    expect(await acts.do({ act: 'sched-credit2', id: 7, capPercent: 0 }, signal)).toBe('xl sched-credit2 -d 7 -c 0\n')
    const uuid = '00000000-0000-4000-8000-000000000007'
    expect(await acts.do({ act: 'start', uuid }, signal)).toBe(`xl start ${uuid}\n`)
    await expect(acts.do({ act: 'destroy', id: 7 }, signal)).rejects.toThrow('xl failed with 1: no such domain')
    await expect(actor(scripts).do({ act: 'pause', id: 7 }, signal)).rejects.toThrow('lets this key only read')
  })

  test.each(
    [
      'pause 0',
      'pause 07',
      'pause 7 8',
      'pause *',
      'pause',
      'pause mail',
      'pause -1',
      'create /etc/xen/mail',
      'destroy 7;reboot',
    ].concat([
      'mem-set 7 512',
      'mem-set 7 m',
      'mem-set 0 5m',
      'sched-credit -d 7 -w 9',
      'sched-credit -d 0',
      'start mail',
      'start --help',
      'list -l',
      'pause $(reboot)',
    ]),
  )('lets nobody say: %s', async (word) => {
    const { stream } = readerOf(shell, ['--act', '--path', `${directoryOf({ xl: 'echo "$@"' })}:/usr/bin:/bin`])
    stops.push(() => stream.close())
    const parts = await stream.ask({ word, deadlineMs: 10_000, mostBytes: 4096 })
    expect(parts.map(({ kind }) => kind)).toEqual(['unknown'])
  })

  test('what fails says why', async () => {
    await expect(tools({ xl: 'echo no daemon >&2; exit 3' }).text('list', signal)).rejects.toThrow(
      'xl failed with 3: no daemon',
    )
    await expect(tools({}).text('info', signal)).rejects.toThrow('neither xl nor xm')
  })
})

test('another account goes through sudo, which may refuse', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'headroom-sudo-'))
  stops.push(() => rmSync(directory, { recursive: true }))
  chmodSync(directory, 0o755)
  const script = (name: string, text: string): void => {
    writeFileSync(path.join(directory, name), `#!/bin/sh\n${text}\n`)
    chmodSync(path.join(directory, name), 0o755)
  }
  script('xl', 'echo not by itself; exit 9')
  script('sudo', 'printf "%s " "$@"')
  const words = (): string => {
    // The script itself may lie where that account cannot look.
    script('reader', readFileSync(readerScript, 'utf8'))
    const { stdout } = spawnSync('dash', [path.join(directory, 'reader'), '--path', `${directory}:/usr/bin`, 'files'], {
      input: 'list\n',
      uid: 65_534,
      gid: 65_534,
      encoding: 'utf8',
    })
    return stdout
  }
  expect(words()).toContain(`\n-n ${directory}/xl list `)
  script('sudo', 'echo "sudo: a password is required" >&2; exit 1')
  expect(words()).toContain('ended 1\nsudo: a password is required\n')
})
