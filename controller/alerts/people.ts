import type { Acknowledgement, Alert, Silence, Transition } from '../model/alert.js'
import { transition } from './life.js'
import type { AlertState } from './step.js'

/** What people do to alerts. Pure: the moment and the author are arguments. */

/** With the alert acknowledged; undefined if no such alert fires. Who acknowledges it again says the last word. */
export function acknowledge(
  state: AlertState,
  number: number,
  acknowledged: Acknowledgement,
): { readonly state: AlertState; readonly alert: Alert; readonly transition: Transition } | undefined {
  const found = findAlert(state, number)
  if (found === undefined) return undefined
  const alert = { ...found, acknowledged }
  const { atMs, note, author } = acknowledged
  return {
    state: { ...state, alerts: new Map(state.alerts).set(alert.key, alert) },
    alert,
    transition: transition(alert, 'acknowledged', atMs, note, author),
  }
}

export function findAlert(state: Pick<AlertState, 'alerts'>, number: number): Alert | undefined {
  for (const alert of state.alerts.values()) if (alert.number === number) return alert
  return undefined
}

/** With one silence more. Where there are too many, the one that ended first goes; undefined if all are in force. */
export function addSilence(state: AlertState, silence: Silence, atMs: number, most: number): AlertState | undefined {
  const silences = new Map(state.silences)
  if (silences.size >= most) {
    const ended = [...silences.values()].filter(({ untilMs }) => untilMs <= atMs)
    const [first] = ended.sort((a, b) => a.untilMs - b.untilMs || (a.id < b.id ? -1 : 1))
    if (first === undefined) return undefined
    silences.delete(first.id)
  }
  return { ...state, silences: silences.set(silence.id, silence) }
}

/** With a silence ended now; undefined if there is none of that id in force. */
export function endSilence(state: AlertState, id: string, atMs: number): AlertState | undefined {
  const silence = state.silences.get(id)
  if (silence === undefined || silence.untilMs <= atMs) return undefined
  return { ...state, silences: new Map(state.silences).set(id, { ...silence, untilMs: atMs }) }
}
