import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { busiest, busyProcessesCollector, isVm, parseIo, processesCapability } from './busy-processes.js'
import { createLocalFiles } from './local-files.js'
import type { MachineFiles } from './machine-files.js'

const io = (read: number, write: number): string =>
  `rchar: 9\nwchar: 9\nsyscr: 1\nsyscw: 1\nread_bytes: ${read}\nwrite_bytes: ${write}\ncancelled_write_bytes: 3\n`

/** A /proc of these processes: text of io, or the code of an error. */
function filesOf(
  processes: () => Readonly<Record<string, { readonly io: string; readonly comm?: string }>>,
): MachineFiles {
  return {
    ...createLocalFiles(),
    names: () => [...Object.keys(processes()), 'self', 'meminfo'],
    read(path) {
      const [, pid = '', file = ''] = /^\/p\/(\d+)\/(io|comm)$/.exec(path) ?? []
      const found = processes()[pid]?.[file === 'io' ? 'io' : 'comm']
      if (found === undefined || /^E[A-Z]+$/.test(found))
        throw Object.assign(new Error(path), { code: found ?? 'ENOENT' })
      return found
    },
  }
}

describe('busy processes', () => {
  it('are told by what they did since the pass before, without VMs, five at most', async () => {
    let nowMs = 0
    let now: Record<string, { io: string; comm?: string }> = {
      1: { io: io(100, 100), comm: 'systemd\n' },
      2: { io: io(0, 5000), comm: 'qemu-system-x86\n' },
      3: { io: io(0, 5000), comm: 'rsync\n' },
      4: { io: io(7000, 7000), comm: 'old\n' },
    }
    const collector = busyProcessesCollector(
      '/p',
      filesOf(() => now),
      () => nowMs,
    )
    const { signal } = new AbortController()
    expect(await collector.collect(signal)).toEqual({})
    nowMs = 10_000
    now = {
      1: { io: io(100, 100), comm: 'systemd\n' },
      2: { io: io(0, 99_000), comm: 'qemu-system-x86\n' },
      3: { io: io(1000, 15_000), comm: 'rsync\n' },
      // The number was given to another process.
      4: { io: io(10, 20), comm: 'new\u0007 one\n' },
      5: { io: io(400, 0), comm: 'fsck.ext3\n' },
      6: { io: io(0, 900_000) },
    }
    expect(await collector.collect(signal)).toEqual({
      busyProcesses: {
        seconds: 10,
        processes: [
          { pid: 3, name: 'rsync', readBytes: 1000, writeBytes: 10_000 },
          { pid: 5, name: 'fsck.ext3', readBytes: 400, writeBytes: 0 },
          { pid: 4, name: 'new  one', readBytes: 10, writeBytes: 20 },
        ],
      },
    })
    nowMs = 20_000
    expect(await collector.collect(signal)).toEqual({ busyProcesses: { seconds: 10, processes: [] } })
    const many = new Map(Array.from({ length: 20 }, (_, pid) => [pid, { readBytes: pid, writeBytes: 0 }]))
    expect(busiest(new Map(), many, () => 'cp').map(({ pid }) => pid)).toEqual([19, 18, 17, 16, 15])
  })

  const may = { io: io(1, 1) }
  const mayNot = { io: 'EACCES' }
  it.each([
    [
      { 1: mayNot, 2: mayNot, 9: may },
      { support: 'no', reason: 'what other processes read and write is told to root only' },
    ],
    [{ 1: mayNot, 2: may, 3: may }, { support: 'yes' }],
    [
      { 1: { io: 'garbage' }, 2: { io: 'ENOENT' } },
      { support: 'no', reason: 'this kernel does not account for what processes read and write' },
    ],
  ])('of others may be hidden: %j', async (processes, expected) => {
    const files = filesOf(() => processes)
    expect(processesCapability('/p', files)).toEqual({ name: 'host-processes', ...expected })
    let nowMs = 0
    const collector = busyProcessesCollector('/p', files, () => (nowMs += 1000))
    const { signal } = new AbortController()
    await collector.collect(signal)
    const told = Object.keys(await collector.collect(signal))
    expect(told).toEqual(expected.support === 'yes' ? ['busyProcesses'] : [])
  })

  it('too many are not read', async () => {
    const files = { ...filesOf(() => ({})), names: () => Array.from({ length: 5000 }, (_, pid) => String(pid)) }
    const collector = busyProcessesCollector('/p', files, () => 1)
    await expect(collector.collect(new AbortController().signal)).rejects.toThrow('5000 processes')
  })

  it.each([
    ['qemu-system-x86', true],
    ['qemu-kvm', true],
    ['kvm', true],
    ['qemu-dm', true],
    ['tapdisk2', true],
    ['qemu-img', false],
    ['qemu-nbd', false],
    ['kvm-pit/1', false],
    ['dd', false],
  ])('%s is a VM: %s', (name, expected) => expect(isVm(name)).toBe(expected))

  it.each(['', 'read_bytes: 1\n', 'read_bytes: x\nwrite_bytes: 1\n', 'read_bytes: -1\nwrite_bytes: 1\n'])(
    'text that says nothing: %j',
    (text) => expect(parseIo(text)).toBeUndefined(),
  )

  it('a real program that writes is found on this machine', async () => {
    const files = createLocalFiles()
    expect(processesCapability('/proc', files).support).toBe('yes')
    const directory = mkdtempSync(join(tmpdir(), 'headroom-busy-'))
    const collector = busyProcessesCollector('/proc', files, () => performance.now())
    const { signal } = new AbortController()
    await collector.collect(signal)
    const script = 'open(my $f, ">", $ARGV[0]); print $f "x" x 8388608; close $f; $| = 1; print "written"; <STDIN>'
    const writer = spawn('perl', ['-e', script, join(directory, 'out')], { stdio: ['pipe', 'pipe', 'inherit'] })
    try {
      await once(writer.stdout, 'data')
      const { busyProcesses } = await collector.collect(signal)
      const own = readFileSync(`/proc/${writer.pid}/io`, 'utf8')
      const written = Number(/^write_bytes: (\d+)/m.exec(own)?.[1])
      expect(written).toBeGreaterThanOrEqual(8 * 1024 * 1024)
      expect(busyProcesses?.processes).toContainEqual(
        expect.objectContaining({ pid: writer.pid, name: 'perl', writeBytes: written }),
      )
    } finally {
      writer.stdin.end()
      await once(writer, 'close')
      rmSync(directory, { recursive: true })
    }
  })
})
