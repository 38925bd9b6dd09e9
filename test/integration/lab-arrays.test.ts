import { readdir } from 'node:fs/promises'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { arrayMissing } from '../lab/array/array-program.js'
import { figuresOf } from '../lab/arrays/figures.js'
import { linesOf, readRecording, writeRecording, type Recording } from '../lab/arrays/recording.js'
import { recordRound } from '../lab/arrays/record-round.js'
import { drawScenario, type ArrayScenario } from '../lab/arrays/scenario.js'
import { ticksOf } from '../lab/arrays/ticks.js'
import { parseInitiators } from '../lab/iscsi-target.js'
import { labMissing, startLab, type Lab } from '../lab/lab.js'
import { labStatus, printStatus } from '../lab/lab-status.js'
import { temporaryDirectory } from '../support/running-product.js'

/** A real guest and a host fill the write cache of the lab's array; the array's own truth is the witness. */

const missing = labMissing() ?? arrayMissing()
if (missing !== undefined) console.warn(`the tests of a lab's arrays are skipped: ${missing}`)

const MB = 1e6
const hostLunMiB = 64
const kept = path.resolve(import.meta.dirname, '../fixtures/lab-arrays')

const scenario: ArrayScenario = {
  cacheBytes: 20 * MB,
  drainBytesPerSecond: 8 * MB,
  parameters: 'cache=20e6,drain=8e6,read=32e6,seek_ms=4,partial_ms=8,write_through=0,rebuild=0,destage=always',
  changes: [],
  jobs: [
    { kind: 'neighbour', actors: ['vm2'], fromSeconds: 0, toSeconds: 12, kibPerSecond: 20 },
    { kind: 'bulk-copy', actors: ['vm1'], fromSeconds: 1, toSeconds: 6 },
    { kind: 'host-copy', actors: ['hv1'], fromSeconds: 8, toSeconds: 11 },
  ],
  seconds: 12,
}

describe.skipIf(missing !== undefined)("a lab's arrays", () => {
  let lab: Lab
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  let recording: Recording

  beforeAll(async () => {
    directory = await temporaryDirectory('lab-arrays-')
    lab = await startLab({
      hosts: 1,
      guests: 2,
      disksMiB: [256, 64],
      arrays: ['write-back:cache=20MB,drain=8MB', 'rate:rate=8MB,burst=2'],
      hostLunMiB,
      seed: 'arrays',
    })
  })

  afterAll(async () => {
    await lab?.stop()
    await directory?.remove()
  })

  it('are what was asked for, and tell the truth to whoever made them', async () => {
    const { arrays, ...status } = await labStatus(lab)
    expect(arrays).toMatchObject([
      {
        name: 'box1',
        kind: 'write-back',
        truth: { capacityBytes: 20 * MB, drainBytesPerSecond: 8 * MB, overflows: 0 },
      },
      { name: 'box2', kind: 'rate' },
    ])
    expect(printStatus({ arrays, ...status })).toMatch(/box1 .* write-back +\d+\.\d MB +20\.0 MB +0/)
    // 16 MB of tokens, and 8 MB a second from then on.
    const began = performance.now()
    await lab.guest('vm1').tell('write vdb 40')
    const seconds = (performance.now() - began) / 1000
    expect(seconds).toBeGreaterThan(2)
    expect(seconds).toBeLessThan(20)
  })

  it('overflow by a guest and by the host itself; what the controller has adds up to what the array took', async () => {
    recording = await recordRound({ lab, round: 'test', scenario, hostLunMiB })
    const { writtenBytes, ...figures } = figuresOf(recording)
    console.info(JSON.stringify({ ...figures, writtenBytes }))
    expect(figures).toMatchObject({ overflows: 2, freezes: 0 })
    expect(figures.mostFillBytes).toBeGreaterThan(19.5 * MB)
    expect(figures.mostFillBytes).toBeLessThanOrEqual(20 * MB)
    // The neighbour's pieces are dearer than whole stripes.
    expect(figures.drainWhileFullBytesPerSecond).toBeGreaterThan(7 * MB)
    expect(figures.drainWhileFullBytesPerSecond).toBeLessThan(8.2 * MB)
    expect(writtenBytes.luns / writtenBytes.truth).toBeCloseTo(1, 1)
    const ticks = ticksOf(recording)
    const ofHost = ticks.reduce((sum, tick) => sum + (tick.writeBytesByUser.get('hv1') ?? 0), 0)
    expect(ofHost).toBeGreaterThan(20 * MB)
    expect((writtenBytes.disks + ofHost) / writtenBytes.truth).toBeCloseTo(1, 1)
    // The neighbour waits with everybody when the cache is full.
    const felt = ticks.flatMap(({ smallWriteLatencyMs }) => smallWriteLatencyMs ?? [])
    expect(Math.max(...felt)).toBeGreaterThan(5)
    // Agents that start among other work come late.
  }, 120_000)

  it('recordings are read as they were written', async () => {
    const file = `${directory.path}/test.jsonl.gz`
    await writeRecording(file, recording)
    expect(await readRecording(file)).toEqual(recording)
    expect(linesOf(recording, 'job').map(({ kind, phase }) => `${kind} ${phase}`)).toEqual([
      'neighbour begin',
      'bulk-copy begin',
      'bulk-copy end',
      'host-copy begin',
      'host-copy end',
      'neighbour end',
    ])
  })
})

describe('recordings that are kept', async () => {
  const files = (await readdir(kept)).filter((name) => name.endsWith('.jsonl.gz'))

  it('there are some', () => expect(files.length).toBeGreaterThanOrEqual(2))

  it.each(files)('%s: what the hosts counted is what the array took, second by second', async (name) => {
    const recording = await readRecording(path.join(kept, name))
    const { head } = recording
    expect(`${head.round}.jsonl.gz`).toBe(name)
    const { writtenBytes, overflows, seconds } = figuresOf(recording)
    expect(overflows).toBeGreaterThanOrEqual(1)
    expect(seconds).toBeGreaterThanOrEqual(head.scenario.seconds - 1)
    // The looks at the target and at the array begin and end at moments of their own.
    expect(writtenBytes.luns / writtenBytes.truth).toBeCloseTo(1, 1)
    const ticks = ticksOf(recording)
    expect(ticks.reduce((sum, { writeBytes }) => sum + writeBytes, 0)).toBe(writtenBytes.luns)
    const byUser = ticks.flatMap(({ writeBytesByUser }) => [...writeBytesByUser.values()])
    expect(byUser.reduce((sum, bytes) => sum + bytes, 0)).toBe(writtenBytes.luns)
    expect(Math.max(...ticks.map(({ seconds: length }) => length))).toBeLessThan(5)
  })
})

describe('what is drawn', () => {
  const shape = { seed: 1, guests: ['vm1', 'vm2', 'vm3', 'vm4'], hosts: ['hv1', 'hv2'], seconds: 120 }

  it('follows from seed and index, and nobody does two things at once', () => {
    const kinds = new Set<string>()
    for (let index = 0; index < 60; index += 1) {
      const scenario = drawScenario({ ...shape, index })
      expect(drawScenario({ ...shape, index })).toEqual(scenario)
      expect(scenario.cacheBytes).toBeGreaterThanOrEqual(50 * MB)
      expect(scenario.cacheBytes).toBeLessThanOrEqual(400 * MB)
      expect(scenario.jobs.some(({ kind }) => kind === 'bulk-copy')).toBe(true)
      for (const { kind } of scenario.jobs) kinds.add(kind)
      for (const actor of [...shape.guests, ...shape.hosts]) {
        const own = scenario.jobs.filter(({ actors }) => actors.includes(actor))
        for (const [at, job] of own.entries()) {
          expect(job.fromSeconds).toBeGreaterThanOrEqual(own[at - 1]?.toSeconds ?? 0)
          expect(job.toSeconds).toBeGreaterThan(job.fromSeconds)
          expect(job.toSeconds).toBeLessThanOrEqual(shape.seconds)
        }
      }
    }
    expect(kinds.size).toBe(7)
    expect(() => drawScenario({ ...shape, index: 0, guests: ['vm1'] })).toThrow('guests: expected 3 or more, got 1')
  })

  it('the grid has nine combinations', () => {
    const grid = Array.from({ length: 9 }, (_, index) => drawScenario({ ...shape, index, grid: true }))
    const pairs = grid.map(({ cacheBytes, drainBytesPerSecond }) => `${cacheBytes / MB}/${drainBytesPerSecond / MB}`)
    expect(pairs).toEqual(['50/4', '50/12', '50/32', '150/4', '150/12', '150/32', '400/4', '400/12', '400/32'])
  })

  it("a target's list says who holds which session", () => {
    const text = [
      'Target 1: iqn.a',
      '    I_T nexus information:',
      '        I_T nexus: 3',
      '            Initiator: iqn.q alias: none',
      '            Connection: 0',
      '                IP Address: 10.201.0.11',
      '        I_T nexus: 5',
      '                IP Address: 10.201.0.12',
      'Target 2: iqn.b',
      '        I_T nexus: 3',
      '                IP Address: 10.201.0.13',
    ].join('\n')
    expect([...parseInitiators(text)]).toEqual([
      ['1 3', '10.201.0.11'],
      ['1 5', '10.201.0.12'],
      ['2 3', '10.201.0.13'],
    ])
  })
})
