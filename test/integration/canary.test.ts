import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, describe, expect, it } from 'vitest'

import { CanaryBeat, type CanaryReading } from '../../agent/storage/canary/canary-beat.js'
import { openCanaryFile } from '../../agent/storage/canary/canary-file.js'
import { startCanaryThread, type CanaryThread } from '../../agent/storage/canary/canary-thread.js'
import { startFreezingFile } from '../support/freezing-file.js'
import { waitFor } from '../support/wait-for.js'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

function started(path: string): {
  thread: CanaryThread
  readings: CanaryReading[]
  beat: CanaryBeat
  begun: () => number
} {
  const thread = startCanaryThread(path)
  cleanUps.push(() => thread.stop())
  let begun = 0
  const beat = new CanaryBeat({
    begin: () => {
      begun += 1
      thread.begin()
    },
    ended: () => thread.ended(),
  })
  const readings: CanaryReading[] = []
  const timer = setInterval(() => readings.push(beat.beat(performance.now())), 20)
  cleanUps.push(() => clearInterval(timer))
  return { thread, readings, beat, begun: () => begun }
}

const timed = (readings: readonly CanaryReading[]): number[] => readings.flatMap(({ seconds }) => seconds ?? [])
const late = (readings: readonly CanaryReading[]): number[] =>
  readings.flatMap(({ overdueSeconds }) => overdueSeconds ?? [])

describe('a canary', () => {
  it('on a real file measures each write; the file is there while it writes, and then gone', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'headroom-canary-'))
    cleanUps.push(() => rmSync(directory, { recursive: true }))
    const path = join(directory, 'headroom-canary')
    const { thread, readings } = started(path)
    await waitFor(20_000, 'ten writes', async () => timed(readings).length >= 10)
    for (const seconds of timed(readings)) expect(seconds).toBeGreaterThan(0)
    expect(readFileSync(path, 'latin1')).toMatch(/^headroom canary/)
    expect(await thread.stop()).toBe(true)
    expect(existsSync(path)).toBe(false)
  })

  it('survives storage that hangs: the agent goes on, the stall is told while it lasts, one write waits, and it measures again after', async () => {
    const file = await startFreezingFile('headroom-canary')
    cleanUps.push(() => file.remove())
    const { thread, readings, begun } = started(file.path)
    await waitFor(30_000, 'writes', async () => timed(readings).length >= 5)
    expect(readFileSync(file.image, 'latin1').slice(0, 15)).toBe('headroom canary')
    file.freeze()
    cleanUps.push(() => file.thaw())
    const frozenMs = performance.now()
    await waitFor(10_000, 'the stall to be told', async () => late(readings).length > 0)
    expect(performance.now() - frozenMs).toBeGreaterThan(1900)
    const atStall = begun()
    const [first = 0] = late(readings)
    await waitFor(10_000, 'it to last', async () => (late(readings).at(-1) ?? 0) > first + 1)
    expect(begun()).toBe(atStall)
    expect(await thread.stop()).toBe(false)
    file.thaw()
    await waitFor(20_000, 'the write to come back', async () => timed(readings).some((seconds) => seconds > 2))
  })

  it('goes on after a stall', async () => {
    const file = await startFreezingFile('headroom-canary')
    cleanUps.push(() => file.remove())
    const { thread, readings, begun } = started(file.path)
    await waitFor(30_000, 'writes', async () => timed(readings).length >= 5)
    file.freeze()
    cleanUps.push(() => file.thaw())
    await waitFor(10_000, 'the stall to be told', async () => late(readings).length > 0)
    file.thaw()
    const before = begun()
    await waitFor(20_000, 'more writes', async () => begun() > before + 5)
    expect(timed(readings).filter((seconds) => seconds > 2)).toHaveLength(1)
    expect(readings.at(-1)?.overdueSeconds).toBeUndefined()
    expect(await thread.stop()).toBe(true)
  })

  it('says why it cannot write, and writes when it can', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'headroom-canary-'))
    cleanUps.push(() => rmSync(directory, { recursive: true }))
    const path = join(directory, 'headroom-canary')
    writeFileSync(path, 'something else')
    const { beat, readings } = started(path)
    await waitFor(20_000, 'a problem', async () => beat.problem !== '')
    expect(beat.problem).toContain('holds something that is not')
    expect(readFileSync(path, 'utf8')).toBe('something else')
    unlinkSync(path)
    await waitFor(20_000, 'a write', async () => timed(readings).length > 0)
    expect(beat.problem).toBe('')
  })

  it('waits for its own device after writes failed: nothing is written beneath the mount, and it measures again once that is back', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'headroom-canary-'))
    cleanUps.push(() => rmSync(directory, { recursive: true }))
    const [image, mount] = [join(directory, 'image'), join(directory, 'mount')]
    writeFileSync(image, '')
    truncateSync(image, 8 * 1024 * 1024)
    mkdirSync(mount)
    execFileSync('mkfs.ext4', ['-q', '-F', image])
    const device = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim()
    cleanUps.push(() => execFileSync('losetup', ['--detach', device]))
    execFileSync('mount', [device, mount])
    let isMounted = true
    cleanUps.push(() => isMounted && execFileSync('umount', ['--lazy', mount]))
    const { thread, beat, readings } = started(join(mount, 'headroom-canary'))
    await waitFor(20_000, 'writes', async () => timed(readings).length >= 3)
    // As ext4 does itself when its disk fails.
    execFileSync('mount', ['-o', 'remount,abort', mount])
    await waitFor(20_000, 'a write to fail', async () => beat.problem.includes('EROFS'))
    execFileSync('umount', ['--lazy', mount])
    isMounted = false
    await waitFor(20_000, 'it to be refused', async () => beat.problem.includes('another device than before'))
    const before = timed(readings).length
    const refused = readings.length
    await waitFor(20_000, 'more beats', async () => readings.length > refused + 10)
    expect(timed(readings)).toHaveLength(before)
    expect(readdirSync(mount)).toEqual([])
    execFileSync('mount', [device, mount])
    isMounted = true
    await waitFor(20_000, 'writes again', async () => timed(readings).length > before)
    expect(beat.problem).toBe('')
    expect(await thread.stop()).toBe(true)
  })

  it('that is a mount itself is not written beneath', () => {
    const [directory, other] = [join(tmpdir(), 'headroom-canary-'), '/dev/shm/headroom-canary-'].map((prefix) => {
      const made = mkdtempSync(prefix)
      cleanUps.push(() => rmSync(made, { recursive: true }))
      writeFileSync(join(made, 'headroom-canary'), '')
      return made
    })
    const path = join(directory ?? '', 'headroom-canary')
    execFileSync('mount', ['--bind', join(other ?? '', 'headroom-canary'), path])
    let file
    try {
      file = openCanaryFile(path)
    } finally {
      execFileSync('umount', ['--lazy', path])
    }
    expect(() => openCanaryFile(path, file.place)).toThrow('another device than before')
    file.close()
    expect(readFileSync(path, 'utf8')).toBe('')
  })

  it('takes a blank block device of its own, and none that is in use', () => {
    const directory = mkdtempSync(join(tmpdir(), 'headroom-canary-'))
    cleanUps.push(() => rmSync(directory, { recursive: true }))
    const image = join(directory, 'image')
    writeFileSync(image, '')
    truncateSync(image, 8 * 1024 * 1024)
    const device = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim()
    cleanUps.push(() => execFileSync('losetup', ['--detach', device]))
    const path = `/dev/headroom-canary-${process.pid}`
    symlinkSync(device, path)
    cleanUps.push(() => unlinkSync(path))
    const file = openCanaryFile(path)
    file.write()
    expect(() => openCanaryFile(path)).toThrow('EBUSY')
    file.close()
    expect(readFileSync(image, 'latin1').slice(0, 15)).toBe('headroom canary')
    expect(file.place.own).toBe(`7:${device.replace('/dev/loop', '')}`)
    openCanaryFile(path, file.place).close()
    expect(() => openCanaryFile(path, { ...file.place, own: '253:0' })).toThrow('expected 253:0, got 7:')
    execFileSync('mkfs.ext4', ['-q', '-F', device])
    expect(() => openCanaryFile(path)).toThrow('holds something')
  })
})
