import { expect, it } from 'vitest'

import type { QueuedPoint } from '../server/sink.js'
import { PointLines } from './point-lines.js'

function point(atMs: number, name: string, id = 'u1'): QueuedPoint {
  return { kind: 'vm', id, atMs, names: ['running'], values: [1], labels: [{ name: 'name', value: name }] }
}

const info = 'vm,uuid=u1,name=mail\\ one info=1'

it('names come in a series of their own, once a minute, and when they change', () => {
  const lines = new PointLines()
  const infos = (...points: QueuedPoint[]): string[] => lines.of(points).lines.filter((one) => one.includes('info'))
  expect(lines.of([point(0, 'mail one')])).toEqual({ lines: ['vm,uuid=u1 running=1 0', `${info} 0`], unknown: 0 })
  expect(infos(point(10_000, 'mail one'), point(59_999, 'mail one'))).toEqual([])
  expect(infos(point(60_000, 'mail one'))).toEqual([`${info} 60000`])
  expect(infos(point(70_000, 'post'))).toEqual(['vm,uuid=u1,name=post info=1 70000'])
  expect(infos(point(80_000, 'mail one', 'u2'))).toEqual(['vm,uuid=u2,name=mail\\ one info=1 80000'])
})

it('a point that is sent again says again what it said', () => {
  const lines = new PointLines()
  const points = [point(0, 'mail'), point(10_000, 'mail'), point(60_000, 'mail'), point(70_000, 'mail')]
  const first = lines.of(points)
  expect(lines.of(points)).toEqual(first)
  expect(lines.of(points.slice(2))).toEqual({ ...first, lines: first.lines.slice(3) })
})

it('events are samples without their text; what is unknown is counted', () => {
  const event = {
    ...point(5, 'x'),
    kind: 'event',
    id: '',
    names: ['count'],
    labels: [
      { name: 'kind', value: 'crashed' },
      { name: 'text', value: 'long' },
    ],
  }
  expect(new PointLines().of([event, { ...event, kind: 'planet' }])).toEqual({
    lines: ['event,kind=crashed count=1 5'],
    unknown: 1,
  })
})
