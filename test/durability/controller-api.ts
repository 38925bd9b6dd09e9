import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import { eventView, seriesView } from '../../controller/api/views.js'
import type { Row } from './sample-book.js'

const eventPage = z.object({ events: z.array(eventView), nextCursor: z.string().optional() })
const answerWithinMs = 20_000

export interface SeriesRange {
  readonly fromMs: number
  readonly toMs: number
  /** 0: the points as stored; otherwise sums. */
  readonly stepMs: number
}

/** A controller's API, as an administrator on its machine uses it. All calls end when the signal aborts. */
export class ControllerApi {
  constructor(
    private readonly url: string,
    private readonly data: string,
    private readonly signal: AbortSignal,
  ) {}

  /** Answers of `/api/v1…`. @throws Error unless the answer is good */
  get(path: string): Promise<unknown> {
    return this.#call(path, {})
  }

  post(path: string, body?: object): Promise<unknown> {
    const json = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    return this.#call(path, { method: 'POST', ...(body === undefined ? {} : json) })
  }

  async series(entity: string, field: string, { fromMs, toMs, stepMs }: SeriesRange): Promise<readonly Row[]> {
    const query = new URLSearchParams({
      entity,
      fields: field,
      from: String(fromMs),
      to: String(toMs),
      step: String(stepMs),
      agg: 'sum',
    })
    const { rows } = seriesView.parse(await this.get(`/series?${query.toString()}`))
    return rows.map(([atMs, value]) => [atMs ?? Number.NaN, value ?? null])
  }

  /** Messages of all events of a host. */
  async eventMessages(hostId: string): Promise<readonly string[]> {
    const messages: string[] = []
    let cursor: string | undefined
    do {
      const after = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const page = eventPage.parse(await this.get(`/events/history?host=${hostId}&limit=1000${after}`))
      for (const { message } of page.events) messages.push(message)
      cursor = page.nextCursor
    } while (cursor !== undefined)
    return messages
  }

  async #call(
    path: string,
    init: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string },
  ): Promise<unknown> {
    const token = (await readFile(join(this.data, 'controller/api-token'), 'utf8')).trim()
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      ...init,
      headers: { ...init.headers, authorization: `Bearer ${token}` },
      signal: AbortSignal.any([this.signal, AbortSignal.timeout(answerWithinMs)]),
    })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
}
