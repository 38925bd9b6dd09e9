import { createLog } from '../../common/log.js'
import { openEmbeddedStore } from '../../controller/store/embedded/embedded-store.js'

/** Where batch `seq` of the writer lies in time, and what it says: half an hour apart, so that hours are sealed all the time. */
export const writerVms = ['a', 'b', 'c']
export function writerTimeMs(seq: number): number {
  return 1_772_359_200_000 + seq * 600_000
}

/**
 * Run as a program with the path of a store: writes batches one after the other, several in flight, and prints the number of
 * each one that is acknowledged. Goes on until it is killed.
 */
async function run(path: string): Promise<void> {
  let now = 0
  const store = await openEmbeddedStore({
    path,
    log: createLog('writer', 'silent'),
    retention: { rawMs: Number.MAX_SAFE_INTEGER, maxBytes: 2 ** 40 },
    now: () => (now += 600_000),
    maintainEveryMs: 5,
  })
  let seq = ((await store.marks()).get('writer') ?? -1) + 1
  process.stdout.write(`from ${seq}\n`)
  const writeNext = async (): Promise<void> => {
    for (;;) {
      const mine = seq
      seq += 1
      await store.write({
        points: writerVms.map((id) => ({
          entity: { kind: 'vm', id },
          atMs: writerTimeMs(mine),
          fields: { cpuCores: mine },
        })),
        events: [
          {
            at: writerTimeMs(mine),
            hostId: 'h',
            vmUuid: 'a',
            vmName: 'a',
            kind: 'k',
            reason: String(mine),
            message: '',
          },
        ],
        marks: [{ spoolId: 'writer', throughSeq: mine }],
      })
      process.stdout.write(`${mine}\n`)
    }
  }
  await Promise.all([writeNext(), writeNext(), writeNext(), writeNext()])
}

const [, script, path] = process.argv
if (script?.endsWith('store-writer.ts') === true && path !== undefined) await run(path)
