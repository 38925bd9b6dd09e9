import type { CertificateEnd, Circumstances } from '../../controller/model/circumstances.js'
import type { Host } from '../../controller/model/snapshot.js'
import { storeConditionAfter, type StoreTallies } from '../../controller/watch/store-condition.js'
import type { Scenario } from './scenario.js'

const dayMs = 86_400_000
/** Agents renew theirs long before. */
const renewedHasMs = 60 * dayMs
const diskBytes = 500e9
const noTier = { retentionMs: undefined, oldestMs: undefined }

/** What the controller sees of itself in a scenario: a store in order, its disk, and the certificates of agents. */
export class ControllerItself {
  #tallies: StoreTallies | undefined
  #seen: Pick<Circumstances, 'store' | 'certificates'> = {}

  constructor(private readonly scenario: Pick<Scenario, 'disk' | 'certificates'>) {}

  /** As of the last look. */
  get seen(): Pick<Circumstances, 'store' | 'certificates'> {
    return this.#seen
  }

  look(hosts: Iterable<Host>, atMs: number): void {
    const { disk, certificates } = this.scenario
    const share = disk.findLast((one) => one.atMs <= atMs)?.freeShare ?? 0.5
    const reading = {
      health: {
        ok: true,
        problem: '',
        points: 0,
        sizeBytes: 0,
        oldestMs: undefined,
        tiers: { raw: noTier, '5m': noTier, '1h': noTier },
        tooLate: 0,
        trimmed: { points: 0, rollups: 0 },
        damaged: 0,
      },
      writeProblem: '',
      queueMaxBytes: undefined,
      disk: { freeBytes: share * diskBytes, sizeBytes: diskBytes },
    }
    const { tallies, condition } = storeConditionAfter(this.#tallies, reading, atMs)
    this.#tallies = tallies
    const ends = Array.from(hosts, ({ agentId, name }): CertificateEnd => {
      const own = certificates.find(({ host, renewedMs }) => host === name && atMs < renewedMs)
      const endsAtMs = own?.endsMs ?? atMs + renewedHasMs
      return { of: 'agent', id: agentId, name, endsAtMs, renewableUntilMs: endsAtMs }
    })
    this.#seen = { store: condition, certificates: ends }
  }
}
