import { PlanFailed, PlannerBusy } from '../../plans/planning.js'
import { ApiError } from '../errors.js'
import { storeQueryFailed } from '../store-call.js'

/**
 * A plan that is made, or why not.
 * @throws ApiError planner-busy, plan-failed, store-failed
 */
export async function made<T>(planning: Promise<T>): Promise<T> {
  try {
    return await planning
  } catch (error) {
    if (error instanceof PlannerBusy) throw new ApiError('planner-busy', error.message)
    if (error instanceof PlanFailed) throw new ApiError('plan-failed', error.message)
    throw storeQueryFailed(error)
  }
}
