import path from 'node:path'

import { describe, expect, it } from 'vitest'

import { judge } from '../lab/arrays/judge.js'
import { readRecording } from '../lab/arrays/recording.js'
import { toldByReplay } from '../lab/arrays/replay.js'
import { toldLive } from '../lab/arrays/told.js'

/** Runs of real guests on the lab's array, played to the models again: what they say, against what only the array knew. */

const kept = path.resolve(import.meta.dirname, '../fixtures/lab-arrays')

/** Of some the capacity is not judged: they were recorded because the model is wrong there, on a machine so busy that the first overflow shows late. */
const rounds = [
  ['course-1-0', { capacity: true }],
  ['course-1-7', { capacity: true }],
  ['course-1-4', { capacity: false }],
] as const

describe.each(rounds)('%s', async (round, { capacity: isJudged }) => {
  const recording = await readRecording(path.join(kept, `${round}.jsonl.gz`))
  const judged = judge(recording, toldByReplay(recording))

  it('after two overflows drain and capacity are known', () => {
    console.info(JSON.stringify(judged))
    expect(Math.abs(judged.drain.error)).toBeLessThan(0.2)
    expect(isJudged ? Math.abs(judged.capacity.error) : 0).toBeLessThan(0.3)
  })

  it('a copy of a host’s own is named, before the VMs that wait', () => {
    const copy = judged.overflows.find(({ culprit }) => culprit === 'hv1')
    expect(copy?.named).toBe('hv1')
  })

  it('an array that stands still is told of in time, with all its VMs, and no other time', () => {
    // The recorded looks are a second apart; the controller of the run itself was in time as well.
    expect(judged.stalledAfterSeconds).toBeLessThan(8)
    expect(judge(recording, toldLive(recording)).stalledAfterSeconds).toBeLessThan(8)
    expect(judged.unnamedInStall).toEqual([])
    expect(judged.falseStalls).toBe(0)
  })
})
