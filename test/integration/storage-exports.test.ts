import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, expect, it } from 'vitest'

import { ExportReader } from '../../agent/storage/exports/export-source.js'
import { tgtSource } from '../../agent/storage/exports/tgt.js'
import { IscsiTarget, type LunSession } from '../lab/iscsi-target.js'
import { freePort } from '../support/free-port.js'
import { waitFor } from '../support/wait-for.js'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

it('a real tgtd tells what each session did to each LUN; while it hangs nothing waits for it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'headroom-tgt-'))
  cleanUps.push(() => rm(directory, { recursive: true }))
  const clock = { ms: 0 }
  const [socket, port] = [join(directory, 'control'), await freePort()]
  const reader = new ExportReader([tgtSource(`${socket}.0`, () => clock.ms)], async ({ source }) => ({
    key: 'local:h:disk',
    backend: 'file',
    array: { key: 'local:h:disk', name: source, kind: 'local', devices: ['sda'] },
  }))
  expect(await reader.capability()).toMatchObject({ support: 'no', reason: 'tgt: tgtd does not run' })
  const env = { ...process.env, TGT_IPC_SOCKET: socket }
  const daemon = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'tgtd', '--foreground', '--iscsi', `portal=127.0.0.1:${port}`],
    { env, stdio: 'ignore' },
  )
  cleanUps.push(async () => {
    daemon.kill('SIGKILL')
    if (daemon.exitCode === null && daemon.signalCode === null) await once(daemon, 'exit')
  })
  const target = new IscsiTarget(socket)
  await target.ready(20_000)
  const iqn = 'iqn.2026-01.test:box'
  await target.addTarget(1, iqn)
  const image = join(directory, 'lun')
  await writeFile(image, '')
  await truncate(image, 16 * 2 ** 20)
  await target.addLun(1, 1, image)
  expect(await reader.capability()).toEqual({ name: 'storage-exports', support: 'yes' })
  expect(await reader.read()).toEqual([])

  const initiator = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'qemu-io', '-f', 'raw', `iscsi://127.0.0.1:${port}/${iqn}/1`],
    { stdio: ['pipe', 'ignore', 'ignore'] },
  )
  cleanUps.push(async () => {
    initiator.kill('SIGKILL')
    if (initiator.exitCode === null && initiator.signalCode === null) await once(initiator, 'exit')
  })
  // The witness: what the target itself sums up, read by the lab's own parser. One command at a time: of two it would hear one.
  const seen = async (what: string, isIt: (one: LunSession) => boolean): Promise<LunSession | undefined> => {
    let found: LunSession | undefined
    await waitFor(30_000, what, async () => {
      found = (await target.sessions()).find((one) => one.lun === 1 && isIt(one))
      return found !== undefined
    })
    return found
  }
  initiator.stdin.write('write 0 3M\n')
  await seen('what was written', ({ writeBytes }) => writeBytes === 3 * 2 ** 20)
  initiator.stdin.write('read 0 64k\n')
  const lun1 = await seen('what was read', ({ readBytes }) => readBytes >= 64 * 1024)
  await waitFor(20_000, 'the session to be known', async () => (await reader.read())?.length === 1)
  const [row] = (await reader.read()) ?? []
  expect(row).toMatchObject({
    arrayKey: `iscsi:${iqn}`,
    lun: '1',
    initiator: expect.stringMatching(/^iqn\./),
    address: '127.0.0.1',
    backing: image,
    writeBytes: 3 * 2 ** 20,
    writeRequests: lun1?.writeCommands,
    inFlight: 0,
  })
  expect(row?.readBytes).toBeGreaterThanOrEqual(64 * 1024)

  await reader.capability()
  expect(reader.backed).toEqual([{ key: `iscsi:${iqn}`, name: `iscsi:${iqn}`, kind: 'iscsi', devices: ['sda'] }])

  // The number stands for another file, and the session goes on: what the old one took is not the new one's, nor the other way round.
  const other = join(directory, 'other')
  await writeFile(other, '')
  await truncate(other, 16 * 2 ** 20)
  await target.removeLun(1, 1)
  await target.addLun(1, 1, other)
  initiator.stdin.write('write 0 1M\n')
  await seen('a write to the other', ({ writeBytes }) => writeBytes > 0)
  expect(await reader.read()).toEqual([])
  expect(await reader.read()).toMatchObject([{ lun: '1', session: row?.session, backing: other }])

  // One that has taken more than the one before when it is seen first looks like that, until what there is is asked for again.
  await target.removeLun(1, 1)
  await target.addLun(1, 1, image)
  initiator.stdin.write('write 0 2M\n')
  await seen('a write to the first again', ({ writeBytes }) => writeBytes >= 2 * 2 ** 20)
  expect(await reader.read()).toMatchObject([{ lun: '1', backing: other }])
  clock.ms += 10_000
  expect(await reader.read()).toEqual([])
  expect(await reader.read()).toMatchObject([{ lun: '1', backing: image }])

  daemon.kill('SIGSTOP')
  const beganMs = performance.now()
  await expect(reader.read()).rejects.toThrow('500 ms')
  expect(performance.now() - beganMs).toBeLessThan(5000)
  daemon.kill('SIGCONT')
  await waitFor(20_000, 'it to answer', () =>
    reader.read().then(
      (rows) => rows !== undefined,
      () => false,
    ),
  )
})
