import type { CommandContext } from './context.js'
import { runLive } from './live.js'
import type { Look } from './render/look.js'

/** What a command shows: fetched once or again and again, for a program or for a person. */
export interface View<Data> {
  readonly fetch: (signal: AbortSignal) => Promise<Data>
  readonly json: (data: Data) => unknown
  readonly render: (data: Data, look: Look) => readonly string[]
}

/** Shows a view as the options say. Gives back the data last shown once, undefined after watching. */
export async function present<Data>(context: CommandContext, view: View<Data>): Promise<Data | undefined> {
  const { json, watchMs, look, shell } = context
  if (watchMs !== undefined && !json) {
    await runLive({ intervalMs: watchMs, fetch: view.fetch, render: view.render }, look, shell)
    return undefined
  }
  const data = await view.fetch(new AbortController().signal)
  if (json) context.printJson(view.json(data))
  else context.print(view.render(data, look()))
  return data
}
