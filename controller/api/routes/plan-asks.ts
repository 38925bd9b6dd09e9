import { KeyedBuckets } from '../../../common/token-bucket.js'
import { ApiError } from '../errors.js'
import { made } from './made-plan.js'

/** Of one who asks: a plan may take a thread for a minute. */
const askRate = { perSecond: 0.5, burst: 30 } as const
const mostAskers = 2000
const mostAtOnce = 2

/** Plans that people and programs ask for: of one only so many, so that nobody takes all places of the planner for others. */
export class PlanAsks {
  readonly #rate = new KeyedBuckets(askRate, mostAskers)
  /** By name of who asks; each stands here only while a plan is made. */
  readonly #underWay = new Map<string, number>()

  constructor(private readonly now: () => number) {}

  /** @throws ApiError too-many-asked, planner-busy, plan-failed, store-failed */
  async made<T>(name: string, planning: () => Promise<T>): Promise<T> {
    const underWay = this.#underWay.get(name) ?? 0
    if (underWay >= mostAtOnce || !this.#rate.take(name, 1, this.now()))
      throw new ApiError(
        'too-many-asked',
        'too many plans at once: at most 2 at a time, one each 2 seconds, and 30 after a quiet time',
      )
    this.#underWay.set(name, underWay + 1)
    try {
      return await made(planning())
    } finally {
      const left = (this.#underWay.get(name) ?? 1) - 1
      if (left === 0) this.#underWay.delete(name)
      else this.#underWay.set(name, left)
    }
  }
}
