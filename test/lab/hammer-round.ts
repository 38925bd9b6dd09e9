import { setTimeout as delay } from 'node:timers/promises'

import type { GettableAlert, RunningAlertmanager } from '../support/alerts/alertmanager-server.js'
import type { ReceivedMail, RunningSmtp } from '../support/alerts/smtp-server.js'
import { waitFor } from '../support/wait-for.js'
import type { LabGuest } from './lab-guest.js'
import type { Lab } from './lab.js'
import { beginningOf, crossingOf, endOf, rateBetween, traceWrites } from './write-trace.js'

export const check = 'vm-hammers-array'
const toldWithinMs = 15_000
const overWithinMs = 60_000
/** How long it waits for what should come, to say how late it was. */
const patienceMs = 180_000
/** Writes of a LUN that take this long each are what the check calls slow for a personal VM. */
const crossingMs = 15

/** One VM hammers, is told of, and ends. */
export interface HammerOrder {
  readonly guest: LabGuest
  /** Its owner's address. */
  readonly owner: string
  readonly kibPerSecond: number
  /** How long it goes on after all have been told. */
  readonly goesOnMs: number
}

/** Milliseconds after the crossing, and after the last write, both as the iSCSI target saw them. */
export interface HammerRound {
  readonly vm: string
  readonly owner: string
  readonly kibPerSecond: number
  /** From the first MiB at the target. */
  readonly crossedAfterMs: number
  readonly bytesPerSecond: number | undefined
  readonly alertmanagerAfterMs: number
  readonly mailAfterMs: number
  readonly alertmanagerOverAfterMs: number
  readonly mailOverAfterMs: number
  /** What the owner was told. */
  readonly said: string
  readonly faults: readonly string[]
}

export async function hammer(
  lab: Lab,
  { guest, owner, kibPerSecond, goesOnMs }: HammerOrder,
  alertmanager: RunningAlertmanager,
  smtp: RunningSmtp,
): Promise<HammerRound> {
  const [disk] = guest.disks
  if (disk === undefined) throw new Error(`${guest.name} has no disk`)
  const mailsBefore = smtp.mails.length
  const own = new RegExp(`^(?<what>FIRING|OVER) +#\\d+ .*vm:${guest.name} +${check}`, 'm')
  const mails = (what: string): ReceivedMail[] =>
    smtp.mails
      .slice(mailsBefore)
      .filter(({ to, text }) => to.join() === owner && own.exec(text)?.groups?.['what'] === what)
  const about = async (): Promise<GettableAlert[]> =>
    (await alertmanager.firing()).filter(({ labels }) => labels['alertname'] === check)
  const trace = traceWrites(lab, disk)
  await guest.load('write', disk.target, kibPerSecond)
  const [alertmanagerAt, mail] = await Promise.all([
    momentOf('Alertmanager to be told', async () => (await about()).length > 0),
    firstMail(() => mails('FIRING'), 'the owner to be told'),
  ])
  const there = await about()
  await delay(goesOnMs)
  await guest.unload(disk.target)
  await trace.stop()
  const [alertmanagerOverAt, mailOver] = await Promise.all([
    momentOf('the end at Alertmanager', async () => (await about()).length === 0),
    firstMail(() => mails('OVER'), 'the end at the owner'),
  ])
  const began = beginningOf(trace.looks, 2 ** 20)?.atMs
  const loading = trace.looks.filter(({ atMs }) => began !== undefined && atMs >= began)
  const [crossed, ended] = [crossingOf(loading, crossingMs), endOf(loading)]
  if (began === undefined || crossed === undefined || ended === undefined) throw new Error('the array was never slow')
  const bytesPerSecond = rateBetween(loading, crossed, ended)
  const round = {
    vm: guest.name,
    owner,
    kibPerSecond,
    crossedAfterMs: crossed - began,
    bytesPerSecond: bytesPerSecond === undefined ? undefined : Math.round(bytesPerSecond),
    alertmanagerAfterMs: alertmanagerAt - crossed,
    mailAfterMs: mail.atMs - crossed,
    alertmanagerOverAfterMs: alertmanagerOverAt - ended,
    mailOverAfterMs: mailOver.atMs - ended,
    said: saidIn(mail, own),
  }
  const counts = { told: mails('FIRING').length, over: mails('OVER').length }
  return { ...round, faults: [...lateIn(round), ...strangersIn(there, round), ...countFaults(counts)] }
}

async function momentOf(what: string, holds: () => Promise<boolean>): Promise<number> {
  await waitFor(patienceMs, what, holds, 100)
  return Date.now()
}

async function firstMail(found: () => readonly ReceivedMail[], what: string): Promise<ReceivedMail> {
  await waitFor(patienceMs, what, () => Promise.resolve(found().length > 0), 100)
  const [first] = found()
  if (first === undefined) throw new Error(`no mail: ${what}`)
  return first
}

/** The line of the alert and what stands beneath it. */
function saidIn({ text }: ReceivedMail, line: RegExp): string {
  const lines = text.slice(line.exec(text)?.index ?? 0).split(/\r?\n/)
  return lines
    .slice(0, lines.indexOf(''))
    .map((one) => one.trim())
    .join('; ')
}

function lateIn(round: Omit<HammerRound, 'faults'>): string[] {
  const late = (what: string, ms: number, withinMs: number): string[] =>
    ms > withinMs ? [`${round.vm}: ${what} after ${ms} ms`] : []
  return [
    ...late('Alertmanager was told', round.alertmanagerAfterMs, toldWithinMs),
    ...late('the owner was told', round.mailAfterMs, toldWithinMs),
    ...late('the end came to Alertmanager', round.alertmanagerOverAfterMs, overWithinMs),
    ...late('the end came to the owner', round.mailOverAfterMs, overWithinMs),
  ]
}

function strangersIn(alerts: readonly GettableAlert[], { vm, owner }: Pick<HammerRound, 'vm' | 'owner'>): string[] {
  return alerts
    .filter(({ labels, annotations }) => labels['subject'] !== vm || annotations['owner'] !== owner)
    .map(({ labels, annotations }) => `${vm} hammered, told was ${JSON.stringify({ labels, annotations })}`)
}

function countFaults({ told, over }: { readonly told: number; readonly over: number }): string[] {
  return told === 1 && over === 1 ? [] : [`told ${told} times, its end ${over} times`]
}
