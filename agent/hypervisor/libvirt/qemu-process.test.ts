import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createLocalFiles } from '../../host/local-files.js'
import { ProcessTable } from './process-table.js'
import {
  findQemuProcesses,
  moved,
  parseProcessIo,
  parseProcessStat,
  readResidentBytes,
  uuidOfCommandLine,
  type ProcessIo,
} from './qemu-process.js'

const uuid = '81829711-6d74-402e-a757-2a5ddac00a2e'
const files = createLocalFiles()
const other = 'e4d9b1da-e974-4b6f-b438-8a47c2c8dc65'

function stat(startTicks: number, state = 'S'): string {
  return `12 (qemu-system (x) ) ${state} ${Array.from({ length: 18 }, (_, index) => index).join(' ')} ${startTicks} 0 0\n`
}

describe('parsing', () => {
  it.each([
    ['/usr/bin/qemu-system-x86_64\0-name\0guest=a\0-uuid\0' + uuid.toUpperCase() + '\0-m\0', uuid],
    ['/usr/libexec/qemu-kvm\0-uuid\0' + uuid + '\0', uuid],
    ['vim\0-uuid\0' + uuid + '\0', undefined],
    ['/usr/bin/qemu-img\0info\0', undefined],
    ['/usr/bin/qemu-system-x86_64\0-uuid', undefined],
    ['', undefined],
  ])('%j runs %s', (commandLine, found) => {
    expect(uuidOfCommandLine(commandLine)).toBe(found)
  })

  it('is not confused by parentheses in a name', () => {
    expect(parseProcessStat(stat(282_645, 'T'))).toEqual({ state: 'T', startTicks: '282645' })
    expect(parseProcessStat('')).toBeUndefined()
    expect(parseProcessStat('12 (x) S 1 2')).toBeUndefined()
  })

  it('reads I/O counters, all or none', () => {
    const text =
      'rchar: 10\nwchar: 20\nsyscr: 1\nsyscw: 2\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 0\n'
    expect(parseProcessIo(text)).toEqual({ readBytes: 4096n, writeBytes: 8192n, callBytes: 30n, calls: 3n })
    expect(parseProcessIo(text.replace('syscw', 'other'))).toBeUndefined()
    expect(parseProcessIo('')).toBeUndefined()
  })
})

const still: ProcessIo = { readBytes: 0n, writeBytes: 0n, callBytes: 800n, calls: 100n }

it.each<[string, ProcessIo | undefined, ProcessIo | undefined, boolean]>([
  ['nothing', still, still, false],
  ['QEMU waking itself', still, { ...still, callBytes: 1600n, calls: 200n }, false],
  ['a cached read', still, { ...still, callBytes: 800n + 512n, calls: 101n }, true],
  ['a read from the device', still, { ...still, readBytes: 512n }, true],
  ['a write to the device', still, { ...still, writeBytes: 4096n }, true],
  ['not readable', still, undefined, true],
  ['never read before', undefined, still, true],
])('%s', (_, before, after, expected) => {
  expect(moved(before, after)).toBe(expected)
})

describe('a tree of processes', () => {
  let procRoot: string
  const add = async (pid: number, files: Record<string, string>): Promise<void> => {
    await mkdir(path.join(procRoot, String(pid)), { recursive: true })
    for (const [name, content] of Object.entries(files))
      await writeFile(path.join(procRoot, String(pid), name), content)
  }
  beforeEach(async () => {
    procRoot = await mkdtemp(path.join(tmpdir(), 'headroom-proc-'))
    await add(1, { cmdline: '/sbin/init\0', stat: stat(1) })
    await add(12, {
      cmdline: `/usr/bin/qemu-system-x86_64\0-uuid\0${uuid}\0`,
      stat: stat(500),
      statm: '9 25 3 0 0 0 0\n',
    })
  })
  afterEach(() => rm(procRoot, { recursive: true }))

  it('shows the VMs that are asked for, and their memory', async () => {
    expect(await findQemuProcesses(files, procRoot, new Set([uuid, other]))).toEqual(
      new Map([[uuid, { pid: 12, startTicks: '500' }]]),
    )
    expect(await findQemuProcesses(files, '/nonexistent', new Set([uuid]))).toEqual(new Map())
    expect(readResidentBytes(files, procRoot, 12, 4096)).toBe(25 * 4096)
    expect(readResidentBytes(files, procRoot, 13, 4096)).toBeUndefined()
  })

  it('names a run by domain and process, so that another table finds the same name', async () => {
    const domain = { name: 'a', uuid, id: 3 }
    const names = await Promise.all(
      [1000, 99_000].map(async (nowMs) => {
        const table = new ProcessTable(procRoot, files)
        await table.update([domain], nowMs)
        return table.run(uuid)?.runId
      }),
    )
    expect(names).toEqual(['3-500', '3-500'])
  })

  it('names a run by when it was first seen if its process is hidden, and keeps that name', async () => {
    const table = new ProcessTable(procRoot, files)
    const domain = { name: 'b', uuid: other, id: 4 }
    await table.update([domain], 1000)
    await add(13, { cmdline: `/usr/bin/qemu-system-x86_64\0-uuid\0${other}\0`, stat: stat(600) })
    await table.update([domain], 1500)
    expect(table.run(other)?.process).toBeUndefined()
    await table.update([domain], 5000)
    expect(table.run(other)).toEqual({ domainId: 4, runId: '4@1000', process: { pid: 13, startTicks: '600' } })
  })

  it('sees another run when the domain’s number or its process is another one', async () => {
    const table = new ProcessTable(procRoot, files)
    await table.update([{ name: 'a', uuid, id: 3 }], 0)
    expect(table.processState(uuid)).toBe('S')
    await table.update([{ name: 'a', uuid, id: 4 }], 1)
    expect(table.run(uuid)?.runId).toBe('4-500')
    await add(12, { stat: stat(700) })
    expect(table.processState(uuid)).toBeUndefined()
    await table.update([{ name: 'a', uuid, id: 4 }], 2)
    expect(table.run(uuid)?.runId).toBe('4-700')
    await table.update([], 3)
    expect(table.run(uuid)).toBeUndefined()
  })
})
