import type {
  AlertDetailView,
  AlertHistoryView,
  AlertView,
  CapacityForecastView,
  CapacityView,
  CommandView,
  EventView,
  FleetView,
  SeriesView,
  SilenceView,
} from '../../api/views.js'

/** What came of a request. Expected failures are values, so that each page says what happened. */
export type Answer<T> =
  | { readonly status: 'ok'; readonly value: T }
  /** No valid session: the whole page shows how to get one. */
  | { readonly status: 'signed-out' }
  /** The controller answered and said no; the message is its own. */
  | { readonly status: 'refused'; readonly message: string }
  /** No answer within the deadline, or none that can be read. */
  | { readonly status: 'unreachable'; readonly message: string }

export interface SeriesQuery {
  /** `vm:<uuid>`, `disk:<uuid>/<target>`, `host:<id>`, `array:<key>`. */
  readonly entity: string
  readonly fields: readonly string[]
  readonly fromMs: number
  readonly toMs: number
  readonly stepMs: number
}

/** The HTTP API, as far as the page uses it. Every call has a deadline; none throws. */
export interface ApiClient {
  /** A GET of `/api/v1` and that path; with a body a POST. T is what the controller of the same build answers there. */
  ask<T>(path: string, body?: object, withinMs?: number): Promise<Answer<T>>
  fleet(): Promise<Answer<FleetView>>
  capacity(): Promise<Answer<CapacityView>>
  /** @param of `fleet`, `host:<id>` or `array:<key>` */
  capacityForecast(of: string): Promise<Answer<CapacityForecastView>>
  eventHistory(limit: number): Promise<Answer<readonly EventView[]>>
  series(query: SeriesQuery): Promise<Answer<SeriesView>>
  /** Newest first. @param subject pattern of what they are about */
  alertHistory(limit: number, about?: string): Promise<Answer<readonly AlertHistoryView[]>>
  alert(number: number): Promise<Answer<AlertDetailView>>
  /** Those in force. */
  silences(): Promise<Answer<readonly SilenceView[]>>
  acknowledge(number: number, note: string): Promise<Answer<AlertView>>
  /** Who is signed in. */
  session(): Promise<Answer<{ readonly name: string; readonly role: string }>>
  /** Carries out what an alert proposes for a VM. */
  carryOutRemedy(number: number, vmUuid: string): Promise<Answer<CommandView>>
}

export interface ClientOptions {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  readonly deadlineMs: number
  /** Called at each 401, whoever asked. */
  readonly onSignedOut: () => void
}

/** Path and query of a request for stored history. */
export function seriesPath(query: SeriesQuery): string {
  const parameters = new URLSearchParams({
    entity: query.entity,
    fields: query.fields.join(','),
    from: String(Math.round(query.fromMs)),
    to: String(Math.round(query.toMs)),
    step: String(Math.round(query.stepMs)),
    agg: 'mean',
  })
  return `/series?${parameters.toString()}`
}

export function createClient(options: ClientOptions): ApiClient {
  async function ask<T>(path: string, body?: object, withinMs = options.deadlineMs): Promise<Answer<T>> {
    let response: Response
    try {
      response = await options.fetch(`/api/v1${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        credentials: 'same-origin',
        signal: AbortSignal.timeout(withinMs),
      })
    } catch (error) {
      return { status: 'unreachable', message: reasonOf(error) }
    }
    if (response.status === 401) {
      options.onSignedOut()
      return { status: 'signed-out' }
    }
    try {
      if (!response.ok) return { status: 'refused', message: await refusalOf(response) }
      // The controller of the same build made it and checked it against the same schema.
      const value: T = response.status === 204 ? undefined : await response.json()
      return { status: 'ok', value }
    } catch (error) {
      return { status: 'unreachable', message: reasonOf(error) }
    }
  }

  return {
    ask,
    fleet: () => ask<FleetView>('/fleet'),
    capacity: () => ask<CapacityView>('/capacity'),
    capacityForecast: (of) => ask<CapacityForecastView>(`/capacity/forecast?of=${encodeURIComponent(of)}`),
    eventHistory: async (limit) => {
      const answer = await ask<{ readonly events: readonly EventView[] }>(`/events/history?limit=${limit}`)
      return answer.status === 'ok' ? { status: 'ok', value: answer.value.events } : answer
    },
    series: (query) => ask<SeriesView>(seriesPath(query)),
    alertHistory: async (limit, about) => {
      const answer = await ask<{ readonly history: readonly AlertHistoryView[] }>(
        `/alerts/history?limit=${limit}${about === undefined ? '' : `&about=${encodeURIComponent(about)}`}`,
      )
      return answer.status === 'ok' ? { status: 'ok', value: answer.value.history } : answer
    },
    silences: async () => {
      const answer = await ask<{ readonly silences: readonly SilenceView[] }>('/alerts/silences')
      return answer.status === 'ok' ? { status: 'ok', value: answer.value.silences } : answer
    },
    alert: (number) => ask<AlertDetailView>(`/alerts/${number}`),
    acknowledge: (number, note) => ask<AlertView>(`/alerts/${number}/ack`, { note }),
    session: () => ask<{ readonly name: string; readonly role: string }>('/session'),
    carryOutRemedy: (number, vmUuid) => ask<CommandView>(`/alerts/${number}/remedies`, { vm: vmUuid }),
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'no answer in time'
  return error instanceof SyntaxError ? 'the answer could not be read' : 'the controller cannot be reached'
}

/** The message of an error answer `{code, message}`; its status where there is none. */
async function refusalOf(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => undefined)
  if (typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string') {
    return body.message
  }
  return `the controller answered ${response.status}`
}
