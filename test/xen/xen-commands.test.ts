import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { ReaderStream } from '../../agent/hypervisor/remote/reader-stream.js'
import { remoteActing } from '../../agent/hypervisor/remote/remote-acting.js'
import { remoteXenTools } from '../../agent/hypervisor/remote/remote-xen-tools.js'
import { SshLink } from '../../agent/hypervisor/remote/ssh-link.js'
import { XenControl } from '../../agent/hypervisor/xen/control.js'
import { ToolToolstack } from '../../agent/hypervisor/xen/tool-toolstack.js'
import { createLog } from '../../common/log.js'
import type { VerbName } from '../../common/verbs.js'
import { runProgram } from '../lab/run-program.js'
import { temporaryDirectory } from '../support/running-product.js'
import { VerbBench } from '../support/verb-bench.js'
import { waitFor } from '../support/wait-for.js'
import { bootXen, type XenHost } from './boot-xen.js'
import { defineXenGuests, type XenGuest } from './xen-guest.js'
import { patienceMs, seconds } from './xen-lab.js'

/**
 * Verbs on a real Xen, over ssh by a key whose forced command is the reader with --act, as an agent does them: by libvirt, and by xl. What `xl list`
 * in dom0 says is the witness. No agent runs in dom0, where Node takes minutes. It has not passed yet (docs/measurements.md): it runs only if
 * HEADROOM_XEN_COMMANDS is set.
 */

const reader = '/usr/local/bin/headroom-reader'
const readerHere = join(import.meta.dirname, '../../deploy/remote/headroom-reader.sh')
const log = createLog('test', 'silent')

let xen: XenHost
let guest: XenGuest
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
const stops: (() => Promise<void>)[] = []
const figures: Record<string, string> = {}

/** Over ssh, by a key for reading and one for acting. Of what can be read only the tools are asked: files would take minutes. */
async function opened(way: 'libvirt' | 'xl'): Promise<VerbBench> {
  const { host, port, knownHostsFile } = xen.ssh
  const target = { host, port, user: 'root', knownHostsFile, identityFile: join(directory.path, 'key') }
  const monotonicMs = (): number => performance.now()
  const link = new SshLink({ target, log, monotonicMs })
  const reading = { open: () => link.open('files'), onLost: () => undefined, monotonicMs, lateMs: patienceMs }
  const stream = new ReaderStream(reading)
  const output = remoteXenTools((question) => stream.ask(question))
  const toolstack = new ToolToolstack({ output, onEvent: () => undefined, now: Date.now, log })
  const acting = remoteActing({
    target: { ...target, identityFile: join(directory.path, 'key-act') },
    isLibvirt: way === 'libvirt',
    log,
    monotonicMs,
  })
  // Nothing boots it here.
  const parts = acting.control(() => Promise.resolve())
  const control = new XenControl({ ...parts, libvirt: parts.libvirt, toolstack })
  stops.push(async () => {
    control.close()
    stream.close()
    await Promise.all([toolstack.close(), acting.close(), link.close()])
  })
  await waitFor(
    patienceMs,
    'xl to be read',
    () =>
      toolstack.start().then(
        () => true,
        () => false,
      ),
    1000,
  )
  return new VerbBench(control, guest.uuid)
}

/** As `xl list` shows it; undefined: it does not run. */
async function listed(): Promise<
  { readonly id: number; readonly memoryMiB: number; readonly flags: string } | undefined
> {
  const row = /^pv +(\d+) +(\d+) +\d+\s+([-rbpscd]{6}) /m.exec(await xen.run('xl list'))
  return row === null ? undefined : { id: Number(row[1]), memoryMiB: Number(row[2]), flags: row[3] ?? '' }
}

/** Percent of one CPU that the scheduler gives it at most, as xl says; 0: all. */
async function cap(): Promise<number> {
  return Number(/(\d+)\s*$/.exec(await xen.run(`xl sched-credit2 -d ${(await listed())?.id}`))?.[1])
}

/** As an agent does it: where it was broken off, as calls in there may be late, it is looked at what came of it; what was not begun is begun. */
async function done(bench: VerbBench, verb: VerbName, args: Readonly<Record<string, string>> = {}): Promise<string> {
  const began = performance.now()
  for (;;) {
    const outcome = await bench.attempt(verb, args).catch(() => bench.seen(verb, args).catch(() => undefined))
    if (performance.now() - began > patienceMs) throw new Error(`${verb} takes too long: ${outcome?.reason}`)
    if (outcome === undefined || outcome.state === 'unknown') continue
    figures[`${verb} ${Object.values(args).join(' ')}`.trim()] = seconds(performance.now() - began)
    return outcome.state === 'succeeded' ? outcome.state : `${outcome.state}: ${outcome.reason}`
  }
}

describe('verbs on a real Xen, seen by xl', () => {
  beforeAll(async () => {
    directory = await temporaryDirectory('headroom-xen-commands-')
    stops.push(() => directory.remove())
    xen = await bootXen({ onProgress: (text) => console.info(text) })
    stops.push(() => xen.stop())
    const [one] = await defineXenGuests(xen, [{ name: 'pv', memoryMiB: 96 }])
    if (one === undefined) throw new Error('no guest')
    guest = one
    for (const [key, options] of [
      ['key', ''],
      ['key-act', ' --act'],
    ] as const) {
      const file = join(directory.path, key)
      await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', key, '-f', file])
      const line = `restrict,command="${reader}${options}" ${(await readFile(`${file}.pub`, 'utf8')).trim()}`
      await xen.run(`mkdir -p -m 700 /root/.ssh && echo '${line}' >> /root/.ssh/authorized_keys`)
    }
    await xen.run(
      `mkdir -p /usr/local/bin && cat > ${reader} << 'END'\n${await readFile(readerHere, 'utf8')}\nEND\nchmod 755 ${reader}`,
    )
  })
  afterAll(async () => {
    console.info(JSON.stringify({ xenCommands: figures }))
    for (const stop of stops.splice(0).toReversed()) await stop()
  })

  it('by libvirt: start, memory, suspend, resume, shutdown', async () => {
    const bench = await opened('libvirt')
    expect(await listed()).toBeUndefined()
    expect(await done(bench, 'start')).toBe('succeeded')
    expect(await listed()).toMatchObject({ memoryMiB: 96 })
    await guest.booted()
    expect(await done(bench, 'memory', { size: '88MiB' })).toBe('succeeded')
    expect(Math.abs(((await listed())?.memoryMiB ?? 0) - 88)).toBeLessThanOrEqual(1)
    expect(await done(bench, 'memory', { size: '97MiB' })).toMatch(/^refused: it can have at most 96/)
    expect(await done(bench, 'suspend')).toBe('succeeded')
    expect((await listed())?.flags).toMatch(/^..p/)
    expect(await done(bench, 'shutdown')).toBe('refused: the VM is paused; shutdown needs one that is running, blocked')
    expect(await done(bench, 'resume')).toBe('succeeded')
    expect((await listed())?.flags).toMatch(/^..-/)
    await guest.tell('burn 1')
    expect(await done(bench, 'shutdown')).toBe('succeeded')
    expect(await listed()).toBeUndefined()
  })

  it('by xl: a cap of CPU time that ends by itself, suspend, resume, memory, destroy', async () => {
    await guest.start()
    const bench = await opened('xl')
    await bench.limits.start()
    stops.push(() => bench.limits.stop())
    const run = await listed()
    expect(await cap()).toBe(0)
    expect(await done(bench, 'limit', { cpu: '50', for: '10s' })).toBe('succeeded')
    expect(await cap()).toBe(50)
    await waitFor(patienceMs, 'the cap to end', async () => (await cap()) === 0, 500)
    expect(await done(bench, 'suspend')).toBe('succeeded')
    expect((await listed())?.flags).toMatch(/^..p/)
    expect(await done(bench, 'resume')).toBe('succeeded')
    expect(await listed()).toMatchObject({ id: run?.id, flags: expect.stringMatching(/^..-/) })
    expect(await done(bench, 'memory', { size: '88MiB' })).toBe('succeeded')
    expect(Math.abs(((await listed())?.memoryMiB ?? 0) - 88)).toBeLessThanOrEqual(1)
    for (const [verb, args, reason] of [
      ['limit', { write: '1MiB/s', for: '1m' }, /^refused: Xen cannot limit what a VM reads and writes/],
      ['save', {}, /^refused: .*never tried/],
      ['reset', {}, /^refused: .*destroy, then start/],
      ['migrate', { to: 'other' }, /^refused: .*never tried/],
    ] as const) {
      expect(await done(bench, verb, args), verb).toMatch(reason)
    }
    expect(await done(bench, 'destroy')).toBe('succeeded')
    expect(await listed()).toBeUndefined()
  })
})
