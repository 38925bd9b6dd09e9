import { request, type ClientRequest, type IncomingMessage } from 'node:http'

import { changeView, eventView, type ChangeView, type EventView } from '../../controller/api/views.js'

/** One server-sent event as it arrived. */
export interface StreamMessage {
  readonly id: string
  readonly event: string
  readonly data: string
}

/** Reads an event stream; what arrived is in the lists. */
export class EventStreamReader {
  readonly changes: ChangeView[] = []
  readonly happened: EventView[] = []
  readonly messages: StreamMessage[] = []
  comments = 0
  ended = false
  #rest = ''

  private constructor(
    private readonly outgoing: ClientRequest,
    readonly response: IncomingMessage,
  ) {
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => this.#read(chunk))
    response.on('close', () => (this.ended = true))
    response.on('error', () => (this.ended = true))
  }

  static open(port: number, headers: Readonly<Record<string, string>>): Promise<EventStreamReader> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path: '/api/v1/events', headers, agent: false }
      const outgoing = request(options, (response) => resolve(new EventStreamReader(outgoing, response)))
      outgoing.on('error', reject)
      outgoing.end()
    })
  }

  close(): void {
    this.outgoing.destroy()
  }

  #read(chunk: string): void {
    const blocks = (this.#rest + chunk).split('\n\n')
    this.#rest = blocks.pop() ?? ''
    for (const block of blocks) {
      if (block.startsWith(':')) this.comments += 1
      const message = parseBlock(block)
      if (message === undefined) continue
      this.messages.push(message)
      const value: unknown = JSON.parse(message.data)
      if (message.event === 'change') this.changes.push(changeView.strict().parse(value))
      else this.happened.push(eventView.strict().parse(value))
    }
  }
}

function parseBlock(block: string): StreamMessage | undefined {
  const fields = new Map(
    block.split('\n').map((line) => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon), line.slice(colon + 2)]
    }),
  )
  const data = fields.get('data')
  return data === undefined ? undefined : { id: fields.get('id') ?? '', event: fields.get('event') ?? '', data }
}
