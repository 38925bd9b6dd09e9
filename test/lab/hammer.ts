import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { stringify } from 'yaml'
import { z } from 'zod'

import { vmView } from '../../controller/api/views.js'
import { startAlertmanager, type RunningAlertmanager } from '../support/alerts/alertmanager-server.js'
import { startSmtp, type RunningSmtp } from '../support/alerts/smtp-server.js'
import { startFleetOnLab } from '../support/fleet-on-lab.js'
import { seededChance } from '../support/seeded-chance.js'
import { waitFor } from '../support/wait-for.js'
import { check, hammer, type HammerRound } from './hammer-round.js'
import { startLab, type Lab } from './lab.js'

const usage = `Personal VMs hammer the array that core VMs use, one after the other: real guests, a real iSCSI target on a slow array (nbdkit's rate
filter), Debian's Alertmanager, a mail server; needs root and a build.

Usage: npm run lab:hammer -- [--count 4] [--seed 1] [--hosts 2] [--guests 5] [--details] [--keep]

The last two guests are core, the others have an owner each. By seed: what the array takes, who hammers, how hard and for how long. Each
hammers twice at most, as a third time within an hour would be an alert that flaps and ends late on purpose. Thresholds and times of the
route are the shipped ones. Times are from the moment in which the target finishes the VM's writes slower than one in 15 ms, and from its last
write. The last line is JSON. Exit code 1: somebody was not told within 15 s, or of the end within 60 s, or not of that VM and its owner.
`

const coreGuests = 2
/** Owners are told of one thing after the other at intervals that grow: others come in between. */
const leastPersonal = 3
/** Between two rounds what was taken at once drains. */
const restMs = 10_000

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '4' },
      seed: { type: 'string', default: '1' },
      hosts: { type: 'string', default: '2' },
      guests: { type: 'string', default: '5' },
      details: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const [hosts, guests] = [Number(values.hosts), Number(values.guests)]
  const personal = guests - coreGuests
  const [seed, count] = [Number(values.seed), Number(values.count)]
  if (!(personal >= leastPersonal)) throw new Error(`--guests: expected ${leastPersonal + coreGuests} or more`)
  if (!(count <= 2 * personal)) throw new Error(`--count: expected ${2 * personal} at most, got ${values.count}`)
  const chance = seededChance(seed, 'hammer')
  const between = (low: number, high: number): number => Math.round(low + chance() * (high - low))
  const array = `rate:rate=${between(1280, 2560)}KiB,burst=${between(3, 8)}`
  const data = await mkdtemp(path.join(tmpdir(), 'headroom-hammer-'))
  const alertmanager = await startAlertmanager(path.join(data, 'alertmanager'))
  const smtp = await startSmtp()
  const rounds: HammerRound[] = []
  try {
    const lab = await startLab({ hosts, guests, seed: values.seed, arrays: [array] })
    try {
      const policyFile = path.join(data, 'policy.yaml')
      await writeFile(policyFile, policyFor(personal, alertmanager))
      await inFleet(lab, data, { policyFile, mail: { port: smtp.port, from: 'headroom@example.org' } }, async () => {
        for (let index = 0; index < count; index += 1) {
          const number = 1 + ((index + seed) % personal)
          const order = {
            guest: lab.guest(`vm${number}`),
            owner: ownerOf(number),
            kibPerSecond: between(8192, 24_576),
            goesOnMs: between(0, 30_000),
          }
          const round = await hammer(lab, order, alertmanager, smtp)
          rounds.push(round)
          if (values.details) console.log(JSON.stringify(round))
          await delay(restMs)
        }
      })
    } finally {
      await lab.stop()
    }
    summarise(values.seed, array, rounds, strayIn(smtp, rounds))
  } finally {
    await smtp.close()
    await alertmanager.server.stop()
    if (values.keep) console.log(`the controller's data and logs: ${data}`)
    else await rm(data, { recursive: true, force: true })
  }
}

async function inFleet(
  lab: Lab,
  data: string,
  controller: Readonly<Record<string, unknown>>,
  work: () => Promise<void>,
): Promise<void> {
  const fleet = await startFleetOnLab(lab, data, controller)
  try {
    await waitFor(60_000, 'all guests on the API', async () => {
      const { vms } = z.object({ vms: z.array(vmView) }).parse(await fleet.api('/api/v1/vms'))
      return vms.filter(({ state, disks }) => state === 'running' && disks.length > 0).length === lab.guests.length
    })
    // Core VMs write a little all the time.
    for (const guest of lab.guests.slice(-coreGuests)) await guest.tell('trickle vda')
    await work()
  } finally {
    await fleet.stop()
  }
}

function ownerOf(number: number): string {
  return `owner${number}@example.org`
}

/** The first guests are somebody's own, the others are what everybody depends on. Owners are told by mail. */
function policyFor(personal: number, alertmanager: RunningAlertmanager): string {
  const own = Array.from({ length: personal }, (_, index) => ({
    name: `own${index + 1}`,
    class: 'personal',
    match: `vm${index + 1}`,
    owner: ownerOf(index + 1),
  }))
  return stringify({
    groups: [...own, { name: 'core', class: 'core', match: 'vm*' }],
    routes: [
      {
        name: 'who-hammers',
        match: { check },
        to: [{ alertmanager: { url: alertmanager.url } }, { email: { to: ['{owner}'] } }],
      },
    ],
  })
}

/** Mails beside the two of each round. */
function strayIn({ mails }: RunningSmtp, rounds: readonly HammerRound[]): string[] {
  return mails.length === 2 * rounds.length ? [] : [`${mails.length} mails came of ${rounds.length} rounds`]
}

function summarise(seed: string, array: string, rounds: readonly HammerRound[], strays: readonly string[]): void {
  const spread = (of: (one: HammerRound) => number): readonly [number, number] => {
    const all = rounds.map((one) => of(one))
    return [Math.min(...all), Math.max(...all)]
  }
  const faults = [...rounds.flatMap((one) => one.faults), ...strays]
  console.log(
    JSON.stringify({
      trial: 'hammer',
      seed,
      array,
      rounds: rounds.length,
      crossedAfterMs: spread(({ crossedAfterMs }) => crossedAfterMs),
      alertmanagerAfterMs: spread(({ alertmanagerAfterMs }) => alertmanagerAfterMs),
      mailAfterMs: spread(({ mailAfterMs }) => mailAfterMs),
      alertmanagerOverAfterMs: spread(({ alertmanagerOverAfterMs }) => alertmanagerOverAfterMs),
      mailOverAfterMs: spread(({ mailOverAfterMs }) => mailOverAfterMs),
      faults,
    }),
  )
  if (faults.length > 0) process.exitCode = 1
}

await main()
