import { encodePoints } from '../../controller/store/embedded/batch-codec.js'
import type { Engine } from '../../controller/store/embedded/engine.js'
import type { Answer, QuestionBody, WriteBody } from '../../controller/store/embedded/protocol.js'
import type { Point, RangeQuery, RangeResult, TopQuery, TopRow } from '../../controller/store/time-series.js'

export function ask(engine: Engine, body: QuestionBody): Answer {
  return finish(engine.read(body))
}

/** Asks the store's engine itself, without a worker, in the words of its client. */
export function rangeOf(engine: Engine, query: RangeQuery): RangeResult {
  const answer = ask(engine, { op: 'range', query })
  if (answer.op !== 'range') throw new Error('another answer')
  const { width, cells } = answer.result
  const rows = Array.from({ length: cells.length / width }, (_, row) =>
    Array.from(cells.subarray(row * width, (row + 1) * width), (value) => (Number.isNaN(value) ? null : value)),
  )
  return { fields: query.fields, rows }
}

export function topOf(engine: Engine, query: TopQuery): readonly TopRow[] {
  const answer = ask(engine, { op: 'top', query })
  if (answer.op !== 'top') throw new Error('another answer')
  return answer.rows
}

export function bodyOf(points: readonly Point[], rest: Partial<WriteBody> = {}): WriteBody {
  return { op: 'write', points: encodePoints(points), events: [], marks: [], ...rest }
}

/** Runs a job to its end. */
export function finish<T>(steps: Generator<void, T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}
