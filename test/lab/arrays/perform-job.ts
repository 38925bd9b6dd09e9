import { setTimeout as delay } from 'node:timers/promises'

import type { HostLun } from '../host-lun.js'
import type { Lab } from '../lab.js'
import type { Job } from './scenario.js'

/** A guest whose disk gives no answer goes on when the array does. */
const answerWithinMs = 180_000

export interface JobWorld {
  readonly lab: Lab
  /** The LUNs that hosts have for themselves, by the host's name. */
  readonly hostLuns: ReadonlyMap<string, HostLun>
  readonly hostLunMiB: number
}

/** Does one job from now on, for so long. */
export async function performJob({ lab, hostLuns, hostLunMiB }: JobWorld, job: Job, seconds: number): Promise<void> {
  await Promise.all(
    job.actors.map(async (name) => {
      switch (job.kind) {
        case 'host-copy': {
          const file = hostLuns.get(name)?.file
          if (file === undefined) throw new Error(`${name} has no LUN of its own`)
          const dd = `dd if=/dev/zero of=${file} bs=1M count=${hostLunMiB} oflag=direct conv=notrunc 2>/dev/null`
          // 124 is what `timeout` ends with when it had to end it.
          const copy = `timeout ${seconds} sh -c 'while ${dd}; do :; done'; [ $? = 124 ]`
          await lab.host(name).run(['/bin/sh', '-c', copy], { timeoutMs: seconds * 1000 + answerWithinMs })
          return
        }
        case 'cron-herd':
          await lab.guest(name).tell(`write vda ${job.mebibytes ?? 16}`, answerWithinMs)
          return
        case 'bulk-copy':
        case 'neighbour':
        case 'small-random-writer':
        case 'steady-writer':
        case 'reader': {
          const guest = lab.guest(name)
          await guest.load(ways[job.kind], 'vda', job.kibPerSecond ?? 0)
          await delay(seconds * 1000)
          await guest.unload('vda', answerWithinMs)
        }
      }
    }),
  )
}

const ways = {
  'bulk-copy': 'copy',
  neighbour: 'scatter',
  'small-random-writer': 'scatter',
  'steady-writer': 'write',
  reader: 'read',
} as const
